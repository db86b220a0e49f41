#include "server/config/callback_target.h"

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/check.h"
#include "server/fleet/backend_url.h"

namespace vllm_router::config {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr size_t kMaxUnixPath = 107;  // sockaddr_un, with its terminating NUL

}  // namespace

absl::StatusOr<CallbackTarget> ParseCallbackTarget(std::string_view text) {
  CallbackTarget target;
  if (text.substr(0, kUnix.size()) == kUnix) {
    target.unix_path = std::string(text.substr(kUnix.size()));
    const std::string& path = target.unix_path;
    if (path.empty() || path.front() != '/' || path.size() > kMaxUnixPath ||
        path.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "'%s' needs an absolute path of at most 107 bytes after unix:", base::Printable(text)));
    }
    return target;
  }
  // The same hosts and ports as a backend's URL, with a port that is always written.
  const auto url = fleet::ParseBackendUrl("http://" + std::string(text));
  const size_t colon = text.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos;
  if (!url.ok() || !has_port || text.find('/') != std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "'%s' is no target: host:port, [ipv6]:port or unix:/path", base::Printable(text)));
  }
  if (IsForbiddenHost(url->host)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("'%s' is a link-local or metadata address; these are never allowed",
                        base::Printable(url->host)));
  }
  target.host = url->host;
  target.port = url->port;
  return target;
}

}  // namespace vllm_router::config
