// Shards: the data-plane threads, each with its own event loop. A connection lives and dies on one
// of them.
#ifndef SERVER_NET_SHARD_H_
#define SERVER_NET_SHARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "server/net/event_loop.h"

namespace vllm_router::net {

class Shard {
 public:
  explicit Shard(size_t index) : index_(index) {}
  size_t index() const { return index_; }
  EventLoop& loop() { return loop_; }

  // Client connections placed here: up by the listener when it places one, down by the shard when
  // it closes.
  std::atomic<int64_t>& connections() { return connections_; }

 private:
  friend class ShardSet;
  const size_t index_;
  EventLoop loop_;
  alignas(64) std::atomic<int64_t> connections_{0};
  std::thread thread_;
};

// Created, started and stopped by one thread (the control thread in the daemon).
class ShardSet {
 public:
  explicit ShardSet(size_t count);
  ~ShardSet();

  size_t size() const { return shards_.size(); }
  Shard& operator[](size_t index) { return *shards_[index]; }

  void Start();
  // Ends every loop and joins. Safe to call twice.
  void Stop();

  // Runs `task(shard)` on every shard; when all have done so, runs `done` on the thread of the last
  // one.
  void Broadcast(std::function<void(Shard&)> task, std::function<void()> done);

  Shard& LeastConnections();

 private:
  std::vector<std::unique_ptr<Shard>> shards_;
  bool running_ = false;
};

}  // namespace vllm_router::net

#endif  // SERVER_NET_SHARD_H_
