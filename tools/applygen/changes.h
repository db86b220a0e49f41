// An endless row of changes of a configuration under traffic: backends that really get requests
// come, are relabelled, drained, brought back and removed; the routing logic is switched, an alias
// shifted, the limits changed, and a large fleet without traffic loses and gets a member. Each
// change is an ApplyConfig of its own that changes something. Not thread-safe.
#ifndef TOOLS_APPLYGEN_CHANGES_H_
#define TOOLS_APPLYGEN_CHANGES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/router.pb.h"

namespace vllm_router::applygen {

struct Change {
  std::string_view kind;  // "add", "drain", ...
  v1::ApplyConfigRequest request;
};

class Changes {
 public:
  // `urls`: engines that serve `model` and that the router does not know yet; may be empty.
  Changes(std::string model, std::vector<std::string> urls)
      : model_(std::move(model)), urls_(std::move(urls)) {}

  Change Next();

  // `count` backends of a model that nobody asks for, in one request.
  static v1::ApplyConfigRequest Fleet(uint64_t count);

 private:
  const std::string model_;
  const std::vector<std::string> urls_;
  uint64_t step_ = 0;
};

}  // namespace vllm_router::applygen

#endif  // TOOLS_APPLYGEN_CHANGES_H_
