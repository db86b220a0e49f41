#include "server/callbacks/service_path.h"

#include "absl/strings/str_format.h"

namespace vllm_router::callbacks {

std::string AuthorityOf(const config::CallbackTarget& target) {
  if (target.host.empty()) return "localhost";
  if (target.host.find(':') == std::string::npos) {
    return absl::StrFormat("%s:%d", target.host, target.port);
  }
  return absl::StrFormat("[%s]:%d", target.host, target.port);
}

}  // namespace vllm_router::callbacks
