// What a callback service's main() does: serve until SIGTERM.
#ifndef DOCS_EXAMPLES_CALLBACKS_CPP_SERVE_H_
#define DOCS_EXAMPLES_CALLBACKS_CPP_SERVE_H_

#include <csignal>
#include <iostream>
#include <memory>
#include <string>

#include "vllm_router/callback_server.h"

inline vllm_router::CallbackServer* served = nullptr;

// On `address` ("unix:/path" or "host:port") until SIGTERM or SIGINT, then answers what has begun.
// Returns the exit status of the program.
inline int Serve(const std::string& address, vllm_router::CallbackService* service) {
  const auto server = vllm_router::CallbackServer::Listen(address, service);
  if (!server.ok()) {
    std::cerr << server.status().message() << std::endl;
    return 1;
  }
  served = server->get();
  for (const int signal : {SIGTERM, SIGINT}) {
    std::signal(signal, [](int) { served->Stop(); });
  }
  std::cerr << "listens on " + served->address() + "\n";
  const absl::Status ended = served->Run();
  if (!ended.ok()) std::cerr << ended.message() << std::endl;
  return ended.ok() ? 0 : 1;
}

#endif  // DOCS_EXAMPLES_CALLBACKS_CPP_SERVE_H_
