// Moments between our clock and protobuf's messages. Pure functions; thread-safe.
#ifndef SERVER_CONFIG_TIMES_H_
#define SERVER_CONFIG_TIMES_H_

#include <google/protobuf/util/time_util.h>

#include "server/base/clock.h"

namespace vllm_router::config {

inline google::protobuf::Timestamp ToTimestamp(base::WallTime time) {
  return google::protobuf::util::TimeUtil::NanosecondsToTimestamp(time.time_since_epoch().count());
}

inline base::WallTime FromTimestamp(const google::protobuf::Timestamp& time) {
  return base::WallTime(
      base::Duration(google::protobuf::util::TimeUtil::TimestampToNanoseconds(time)));
}

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_TIMES_H_
