// The calls of one shard to callback services: one client for each endpoint, and the PostRequest
// calls that run. Belongs to the shard's thread.
#ifndef SERVER_CALLBACKS_CALLER_H_
#define SERVER_CALLBACKS_CALLER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "server/callbacks/chain.h"
#include "server/callbacks/memory.h"
#include "server/net/event_loop.h"
#include "server/rpc/client.h"

namespace vllm_router::callbacks {

class Caller {
 public:
  // `memory` is that of the process and outlives the caller.
  Caller(net::EventLoop& loop, size_t shard, Memory& memory);
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // The chain of new requests; nullptr: there are no callbacks. Connections that only requests of
  // former chains use are closed when their last call has ended.
  void Follow(ChainPtr chain);

  // Whether a call of this callback may be made now; counts why not. Admitted: the call has to be
  // ended by Ended, or by Abandoned when nobody waits for its outcome any more.
  absl::Status Admit(const Link& link, Hook hook);
  absl::Status Start(const Link& link, rpc::Call& call, rpc::CallRequest request);
  // With what the callback made of it: a call that brought a message can be a failure.
  void Ended(const Link& link, Hook hook, const absl::Status& outcome);
  void Abandoned(const Link& link);
  // A failure of a callback that was not called at all.
  void Failed(const Link& link, Hook hook, const absl::Status& why);

  // Makes a PostRequest call that nobody waits for. `message`: serialized; `kept` is held until its
  // end.
  void Post(ChainPtr chain, const Link& link, std::string message, Reservation kept);

  stats::CallbackStats::ShardCells& cells(const Link& link) {
    return link.service->stats().shard(shard_);
  }
  net::EventLoop& loop() { return loop_; }
  Memory& memory() { return memory_; }

 private:
  class PostCall;
  struct Slot {
    std::shared_ptr<Endpoint> endpoint;
    std::unique_ptr<rpc::Client> client;
    bool wanted = true;
  };
  rpc::Client& ClientOf(const std::shared_ptr<Endpoint>& endpoint);
  void Remove(PostCall* call);
  void Sweep();

  net::EventLoop& loop_;
  const size_t shard_;
  Memory& memory_;
  ChainPtr chain_;
  absl::flat_hash_map<const Endpoint*, Slot> clients_;
  bool any_unwanted_ = false;
  std::vector<std::unique_ptr<PostCall>> posts_;
};

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_CALLER_H_
