// What one generation has that another had not, as WatchConfig sends it.
#ifndef SERVER_ADMIN_CONFIG_DELTA_H_
#define SERVER_ADMIN_CONFIG_DELTA_H_

#include <deque>
#include <memory>

#include "proto/router.pb.h"
#include "server/control/authority.h"

namespace vllm_router::admin {

// Everything between `from` and `to`, however many generations that is; without origin, actor and
// reason. Resources are as they are kept: with secrets, without what is known of the moment.
v1::ConfigDelta DeltaBetween(const v1::Config& from, const v1::Config& to);

// Only resources of these kinds are left; none: all. Backends' order goes with the backends.
void KeepKinds(const google::protobuf::RepeatedField<int>& kinds, v1::ConfigDelta* delta);
void KeepKinds(const google::protobuf::RepeatedField<int>& kinds, v1::Config* config);

// Most watchers have seen the same generation when the next one comes: the last few deltas are
// kept, so that each is made once. Not thread-safe.
class ConfigDeltas {
 public:
  using Delta = std::shared_ptr<const v1::ConfigDelta>;
  Delta Between(const control::ConfigPtr& from, const control::ConfigPtr& to);

 private:
  static constexpr size_t kKept = 4;
  struct Made {
    control::ConfigPtr from;
    control::ConfigPtr to;
    Delta delta;
  };
  std::deque<Made> made_;  // newest first
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_CONFIG_DELTA_H_
