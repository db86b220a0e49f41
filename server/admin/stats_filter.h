// Which statistics a caller wants: scopes, backends and models of GetStats and WatchStats. A value.
#ifndef SERVER_ADMIN_STATS_FILTER_H_
#define SERVER_ADMIN_STATS_FILTER_H_

#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "proto/router.pb.h"
#include "server/base/clock.h"
#include "server/base/failure.h"

namespace vllm_router::admin {

// What is wrong with a request.
std::vector<base::Violation> CheckStatsRequest(const v1::GetStatsRequest& request);
std::vector<base::Violation> CheckStatsRequest(const v1::WatchStatsRequest& request);
// The request's, or its default.
base::Duration StatsInterval(const v1::WatchStatsRequest& request);

class StatsFilter {
 public:
  // Everything.
  StatsFilter() = default;
  explicit StatsFilter(const v1::GetStatsRequest& request);
  explicit StatsFilter(const v1::WatchStatsRequest& request);

  bool Wants(v1::StatsScope scope) const { return scopes_.empty() || scopes_.contains(scope); }
  bool WantsBackend(std::string_view name) const {
    return backends_.empty() || backends_.contains(name);
  }
  bool WantsModel(std::string_view model) const {
    return models_.empty() || models_.contains(model);
  }

  // Some order, so that it can be a key.
  friend bool operator<(const StatsFilter& a, const StatsFilter& b) {
    return std::tie(a.scopes_, a.backends_, a.models_) <
           std::tie(b.scopes_, b.backends_, b.models_);
  }

 private:
  std::set<int> scopes_;
  std::set<std::string, std::less<>> backends_;
  std::set<std::string, std::less<>> models_;
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_STATS_FILTER_H_
