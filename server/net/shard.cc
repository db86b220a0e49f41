#include "server/net/shard.h"

#include <pthread.h>

#include <algorithm>

#include "absl/strings/str_format.h"

namespace vllm_router::net {

ShardSet::ShardSet(size_t count) {
  for (size_t i = 0; i < count; ++i) shards_.push_back(std::make_unique<Shard>(i));
}

ShardSet::~ShardSet() { Stop(); }

void ShardSet::Start() {
  running_ = true;
  for (auto& shard : shards_) {
    shard->thread_ = std::thread([raw = shard.get()] { raw->loop().Run(); });
    pthread_setname_np(shard->thread_.native_handle(),
                       absl::StrFormat("shard-%d", shard->index()).c_str());
  }
}

void ShardSet::Stop() {
  if (!running_) return;
  running_ = false;
  for (auto& shard : shards_) shard->loop().Stop();
  for (auto& shard : shards_) shard->thread_.join();
}

void ShardSet::Broadcast(std::function<void(Shard&)> task, std::function<void()> done) {
  auto missing = std::make_shared<std::atomic<size_t>>(shards_.size());
  for (auto& shard : shards_) {
    shard->loop().Post([raw = shard.get(), task, done, missing] {
      task(*raw);
      if (missing->fetch_sub(1, std::memory_order_acq_rel) == 1) done();
    });
  }
}

Shard& ShardSet::LeastConnections() {
  const auto load = [](const auto& shard) {
    return shard->connections().load(std::memory_order_relaxed);
  };
  return **std::min_element(shards_.begin(), shards_.end(),
                            [&](const auto& a, const auto& b) { return load(a) < load(b); });
}

}  // namespace vllm_router::net
