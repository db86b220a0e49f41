// Uses what is installed, and nothing of this repository: asks a router that is not there.
#include <iostream>

#include "vllm_router/client.h"

int main() {
  vllm_router::ClientOptions options;
  options.address = "127.0.0.1:1";
  options.retry.max_attempts = 1;
  const auto client = vllm_router::Client::Create(options);
  if (!client.ok()) {
    std::cerr << client.status() << '\n';
    return 1;
  }
  const auto backends = (*client)->ListBackends(vllm_router::v1::ListBackendsRequest());
  std::cout << backends.status().ToString() << '\n';
  return backends.status().code() == absl::StatusCode::kUnavailable ? 0 : 1;
}
