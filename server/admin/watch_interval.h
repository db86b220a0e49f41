// How long a stream may be silent (`bookmark_interval`). Stateless.
#ifndef SERVER_ADMIN_WATCH_INTERVAL_H_
#define SERVER_ADMIN_WATCH_INTERVAL_H_

#include "absl/strings/str_format.h"
#include "server/base/clock.h"
#include "server/base/failure.h"
#include "server/control/compile.h"

namespace vllm_router::admin {

template <typename Request>
base::Outcome<base::Duration> BookmarkInterval(const Request& request) {
  constexpr base::Duration kDefault = std::chrono::seconds(30);
  if (!request.has_bookmark_interval()) return kDefault;
  const base::Duration interval = control::ToDuration(request.bookmark_interval());
  if (interval >= std::chrono::seconds(1) && interval <= std::chrono::minutes(10)) return interval;
  return base::InvalidField(
      "bookmark_interval",
      absl::StrFormat("%g s is not allowed: 1 s to 600 s", base::ToSeconds(interval)));
}

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_WATCH_INTERVAL_H_
