#include "server/gateway/request_log.h"

#include "absl/strings/str_format.h"
#include "server/base/log.h"
#include "server/base/strings.h"

namespace vllm_router::gateway {

void RequestLog::Routed(const Route& route) {
  if (!base::LogEnabled(base::LogLevel::kInfo)) return;
  const base::WallTime now = loop_.wall_now();
  message_.clear();
  absl::StrAppendFormat(
      &message_, "Routing request %s with session id %s to %s at %.6f, process time = %.4f",
      route.request_id, route.session_id ? base::Printable(*route.session_id) : "None", route.url,
      base::UnixSeconds(now), base::ToSeconds(base::Clock::Real().Now() - route.began));
  if (route.attempt > 1)
    absl::StrAppendFormat(&message_, " (attempt %d/%d)", route.attempt, route.attempts);
  if (lines_.empty()) {
    loop_.Defer([this] {
      base::SubmitLogLines(base::LogLevel::kInfo, lines_);
      lines_.clear();
    });
  }
  base::FormatLogLine(base::LogLevel::kInfo, message_, __FILE__, __LINE__, now, &lines_);
}

}  // namespace vllm_router::gateway
