// The callbacks of one generation in the order in which they run, and what bounds them all: a part
// of fleet::Snapshot. Immutable; thread-safe.
#ifndef SERVER_CALLBACKS_CHAIN_H_
#define SERVER_CALLBACKS_CHAIN_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "server/callbacks/registration.h"
#include "server/callbacks/service.h"

namespace vllm_router::callbacks {

struct Link {
  Registration rules;
  std::shared_ptr<Service> service;
  std::shared_ptr<Endpoint> endpoint;
};

class Chain {
 public:
  // `links` in any order.
  Chain(std::vector<std::shared_ptr<const Link>> links, base::Duration budget,
        uint64_t memory_bytes, uint64_t max_request_body_bytes);

  const std::vector<std::shared_ptr<const Link>>& links() const { return links_; }
  // nullptr: there is none of that name.
  const Link* Find(std::string_view name) const;

  // Whether any callback wants to be called there.
  bool pre() const { return pre_; }
  bool post() const { return post_; }
  // Of all PreRequest calls of a request together.
  base::Duration budget() const { return budget_; }
  uint64_t memory_bytes() const { return memory_bytes_; }
  uint64_t max_request_body_bytes() const { return max_request_body_bytes_; }

  // The same links, the very same ones, under the same bounds.
  friend bool operator==(const Chain&, const Chain&) = default;

 private:
  std::vector<std::shared_ptr<const Link>> links_;
  base::Duration budget_;
  uint64_t memory_bytes_;
  uint64_t max_request_body_bytes_;
  bool pre_ = false;
  bool post_ = false;
};
using ChainPtr = std::shared_ptr<const Chain>;

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_CHAIN_H_
