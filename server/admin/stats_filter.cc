#include "server/admin/stats_filter.h"

#include <chrono>

#include "absl/strings/str_format.h"
#include "server/config/checker.h"

namespace vllm_router::admin {
namespace {

constexpr base::Duration kDefaultInterval = std::chrono::seconds(1);

template <typename Request>
std::vector<base::Violation> CheckScopes(const Request& request) {
  std::vector<base::Violation> violations;
  const config::Checker check("", &violations);
  for (int i = 0; i < request.scopes_size(); ++i) {
    const std::string field = absl::StrFormat("scopes[%d]", i);
    if (request.scopes(i) == v1::STATS_SCOPE_UNSPECIFIED) {
      check.Fail(field, "names no scope");
    } else {
      check.KnownEnum(field, request.scopes(i), v1::StatsScope_IsValid(request.scopes(i)));
    }
  }
  return violations;
}

}  // namespace

std::vector<base::Violation> CheckStatsRequest(const v1::GetStatsRequest& request) {
  return CheckScopes(request);
}

std::vector<base::Violation> CheckStatsRequest(const v1::WatchStatsRequest& request) {
  std::vector<base::Violation> violations = CheckScopes(request);
  if (request.has_min_interval()) {
    config::Checker("", &violations)
        .Time("min_interval", request.min_interval(), 100 * config::kMillisecond, config::kHour);
  }
  return violations;
}

base::Duration StatsInterval(const v1::WatchStatsRequest& request) {
  return request.has_min_interval() ? base::Duration(config::ToNanoseconds(request.min_interval()))
                                    : kDefaultInterval;
}

StatsFilter::StatsFilter(const v1::GetStatsRequest& request)
    : scopes_(request.scopes().begin(), request.scopes().end()),
      backends_(request.backends().begin(), request.backends().end()),
      models_(request.models().begin(), request.models().end()) {}

StatsFilter::StatsFilter(const v1::WatchStatsRequest& request)
    : scopes_(request.scopes().begin(), request.scopes().end()),
      backends_(request.backends().begin(), request.backends().end()),
      models_(request.models().begin(), request.models().end()) {}

}  // namespace vllm_router::admin
