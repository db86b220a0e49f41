#include "server/app/callback_host.h"

#include <chrono>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "server/app/seed.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/control/compile.h"

namespace vllm_router::app {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr uint64_t kMaxBodyBytes = 64u << 20;
constexpr std::chrono::seconds kPreDeadline(60);
constexpr std::chrono::minutes kPostDeadline(5);

callbacks::HostOptions HostOptionsFor(const CallbackOptions& options, const std::string& path) {
  return {.what = options.handler,
          .command = {options.python, "-m", "vllm_router.callback_host", "--listen",
                      absl::StrFormat("%s%s", kUnix, path), "--instance", options.handler,
                      "--status-fd", std::to_string(callbacks::HostProcess::kStatusFd)}};
}

// What to do about it, as the end of a sentence.
std::string Advice(const absl::Status& why) {
  if (absl::IsNotFound(why)) {
    return ". Install Python 3, or name one with --callbacks-python";
  }
  // Python itself says so: the host never ran.
  if (absl::IsUnavailable(why) && absl::StrContains(why.message(), "No module named")) {
    return ". Install the router's package for that Python (pip install ./client/python), or name "
           "another Python with --callbacks-python";
  }
  return "";
}

absl::Status Explain(const CallbackOptions& options, const absl::Status& why) {
  const bool no_python = absl::IsNotFound(why);
  return absl::Status(
      why.code(), absl::StrFormat("%s '%s': %s%s", no_python ? "--callbacks-python" : "--callbacks",
                                  base::Printable(no_python ? options.python : options.handler),
                                  std::string(why.message()), Advice(why)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CallbackHost>> CallbackHost::Start(
    const CallbackOptions& options, const std::string& state_dir,
    const std::function<bool()>& given_up) {
  if (options.handler.empty()) return nullptr;
  absl::StatusOr<callbacks::HostSocket> socket = callbacks::HostSocket::Create(state_dir);
  if (!socket.ok()) return Explain(options, socket.status());
  callbacks::HostOptions host_options = HostOptionsFor(options, socket->path());
  std::unique_ptr<CallbackHost> host(new CallbackHost(*std::move(socket), std::move(host_options)));
  absl::StatusOr<callbacks::HostStatus> status = host->supervisor_.Start(given_up);
  if (!status.ok()) return Explain(options, status.status());
  if (!status->pre_request && !status->post_request) {
    return Explain(options, absl::InvalidArgumentError(
                                "it has neither pre_request nor post_request, so there is nothing "
                                "to call"));
  }
  host->status_ = *std::move(status);
  return host;
}

v1::Callback CallbackHost::Registration() const {
  v1::Callback callback;
  callback.set_name(std::string(kFlagCallback));
  callback.set_target(absl::StrFormat("%s%s", kUnix, socket_.path()));
  if (status_.pre_request) callback.add_hook_points(v1::HOOK_POINT_PRE_REQUEST);
  if (status_.post_request) callback.add_hook_points(v1::HOOK_POINT_POST_REQUEST);
  *callback.mutable_pre_deadline() = control::FromDuration(kPreDeadline);
  *callback.mutable_post_deadline() = control::FromDuration(kPostDeadline);
  callback.set_failure_mode(v1::FAILURE_MODE_FAIL_CLOSED);
  callback.set_request_body_mode(v1::BODY_MODE_FULL);
  callback.set_response_body_mode(v1::BODY_MODE_FULL);
  callback.set_max_body_bytes(kMaxBodyBytes);
  callback.set_over_limit(v1::OVER_LIMIT_DENY);
  // Its supervisor is its breaker: once it is back, requests are not to be refused any longer.
  callback.mutable_breaker()->set_consecutive_failures(0);
  callback.mutable_header_rules()->add_forward_allow(std::string("*"));
  callback.mutable_header_rules()->set_allow_credentials(true);
  return callback;
}

void CallbackHost::Stop() {
  supervisor_.Stop();
  socket_.Remove();
}

std::string KeptHostTarget(const std::string& state_dir) {
  return absl::StrFormat("%s%s", kUnix, callbacks::HostSocketPath(state_dir));
}

}  // namespace vllm_router::app
