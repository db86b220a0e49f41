// Uses what is installed, and nothing of this repository: asks a router that is not there, and
// serves callbacks for a moment.
#include <iostream>

#include "vllm_router/callback_server.h"
#include "vllm_router/client.h"

namespace {

bool AsksARouter() {
  vllm_router::ClientOptions options;
  options.address = "127.0.0.1:1";
  options.retry.max_attempts = 1;
  const auto client = vllm_router::Client::Create(options);
  if (!client.ok()) {
    std::cerr << client.status() << '\n';
    return false;
  }
  const auto backends = (*client)->ListBackends(vllm_router::v1::ListBackendsRequest());
  std::cout << backends.status().ToString() << '\n';
  return backends.status().code() == absl::StatusCode::kUnavailable;
}

bool ServesCallbacks() {
  vllm_router::CallbackService service;
  const auto server = vllm_router::CallbackServer::Listen("127.0.0.1:0", &service);
  if (!server.ok()) {
    std::cerr << server.status() << '\n';
    return false;
  }
  std::cout << "listens on " << (*server)->address() << '\n';
  (*server)->Stop();
  return (*server)->Run().ok();
}

}  // namespace

int main() { return AsksARouter() && ServesCallbacks() ? 0 : 1; }
