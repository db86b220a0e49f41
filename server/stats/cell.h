// Counters that one thread writes and any thread reads: a relaxed load and store, no locked
// instruction. For figures that people look at; what a decision reads is a shared atomic elsewhere
// (docs/architecture.md, threads and state).
#ifndef SERVER_STATS_CELL_H_
#define SERVER_STATS_CELL_H_

#include <atomic>
#include <cstdint>

namespace vllm_router::stats {

class Cell {
 public:
  void Add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  // For gauges.
  void Subtract(uint64_t n = 1) { Add(uint64_t{0} - n); }
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t Read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_CELL_H_
