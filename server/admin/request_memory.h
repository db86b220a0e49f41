// Remembers the answers to calls that carried a request_id, so that a retry gets the first answer
// and changes nothing more (proto/router.proto, promise 5). Bounded: the oldest goes first, by age
// and by number. Not thread-safe; knows no clock of its own.
#ifndef SERVER_ADMIN_REQUEST_MEMORY_H_
#define SERVER_ADMIN_REQUEST_MEMORY_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/clock.h"

namespace vllm_router::admin {

template <typename Answer>
class RequestMemory {
 public:
  using Waiter = std::function<void(const Answer&)>;
  static constexpr base::Duration kKept = std::chrono::minutes(10);
  static constexpr size_t kMaxKept = 10000;
  static constexpr size_t kMaxBytes = 64u << 20;

  enum class Verdict : uint8_t {
    kNew,      // go ahead, then Settle or Forget
    kRunning,  // the first call is not over: the waiter gets its answer
    kKnown,    // answered, see `answer`
    kReused,   // the same id came with another content
  };
  struct Found {
    Verdict verdict;
    std::optional<Answer> answer = {};
  };

  // `caller`: actor and request_id; `content`: whatever tells two calls apart. With kRunning
  // `waiter` is kept until Settle or Forget.
  Found Begin(const std::string& caller, const std::string& content, base::TimePoint now,
              Waiter waiter) {
    Expire(now);
    const auto [it, is_new] = entries_.try_emplace(caller);
    Entry& entry = it->second;
    if (is_new) {
      entry.content = content;
      return {Verdict::kNew};
    }
    if (entry.content != content) return {Verdict::kReused};
    if (entry.answer) return {Verdict::kKnown, entry.answer};
    entry.waiters.push_back(std::move(waiter));
    return {Verdict::kRunning};
  }

  // The first call has its answer. Whoever waits for it is to be given it as well, once no lock is
  // held any more.
  // `bytes`: what keeping the answer costs.
  std::vector<Waiter> Settle(const std::string& caller, const Answer& answer, size_t bytes,
                             base::TimePoint now) {
    const auto it = entries_.find(caller);
    if (it == entries_.end()) return {};
    it->second.answer = answer;
    order_.push_back({caller, bytes, now});
    bytes_ += bytes;
    while (bytes_ > kMaxBytes && order_.size() > 1) DropOldest();
    return std::exchange(it->second.waiters, {});
  }
  // The first call was refused in a way that a retry can cure: the next one is new. Whoever waits
  // is to be given this answer.
  std::vector<Waiter> Forget(const std::string& caller) {
    const auto it = entries_.find(caller);
    if (it == entries_.end()) return {};
    std::vector<Waiter> waiters = std::move(it->second.waiters);
    entries_.erase(it);
    return waiters;
  }

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string content;
    std::optional<Answer> answer;
    std::vector<Waiter> waiters;
  };
  struct Settled {
    std::string caller;
    size_t bytes;
    base::TimePoint at;
  };

  void Expire(base::TimePoint now) {
    while (!order_.empty() && (now - order_.front().at > kKept || order_.size() >= kMaxKept)) {
      DropOldest();
    }
  }
  void DropOldest() {
    bytes_ -= order_.front().bytes;
    entries_.erase(order_.front().caller);
    order_.pop_front();
  }

  std::map<std::string, Entry> entries_;
  std::deque<Settled> order_;  // of the settled ones, oldest first
  size_t bytes_ = 0;           // of their answers
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_REQUEST_MEMORY_H_
