// What the callback host says of itself once, as a line of JSON on its status descriptor: that it
// serves and which hooks its handler has, or why it cannot. Pure functions; thread-safe.
//
//   {"ready": true, "pre_request": true, "post_request": false}
//   {"ready": false, "module": "a.b", "attribute": "inst", "message": "ModuleNotFoundError: ..."}
#ifndef SERVER_CALLBACKS_HOST_STATUS_H_
#define SERVER_CALLBACKS_HOST_STATUS_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace vllm_router::callbacks {

// A host that says more than this is not one of ours.
inline constexpr size_t kMaxHostStatusBytes = size_t{64} << 10;

struct HostStatus {
  bool ready = false;
  // Of one that is ready: what its handler implements.
  bool pre_request = false;
  bool post_request = false;
  // Of one that is not: what it could not load, and the last line of the traceback.
  std::string module = {};
  std::string attribute = {};
  std::string message = {};

  friend bool operator==(const HostStatus&, const HostStatus&) = default;
};

// Keys that are unknown do not count. InvalidArgumentError shows the beginning of `line`, escaped,
// and says what is wrong with it.
absl::StatusOr<HostStatus> ParseHostStatus(std::string_view line);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_HOST_STATUS_H_
