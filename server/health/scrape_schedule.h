// When which engine is asked for its metrics. No clock and no I/O: time and randomness are handed
// in.
//
//   new       asked at once; the next time falls anywhere within one interval, which spreads a
//   fleet
//             that came in one go
//   good      asked once per interval, give or take a tenth, counted from when it was asked
//   failing   asked after 1, 2, 4 and then every 8 intervals or somewhat sooner, at least once in
//             kLongestBackOff (or per interval, if that is longer)
//
// Questions are bounded by a number of slots. Of these failing engines hold at most half, and with
// new ones, of which nothing is known, at most three quarters: engines that hang delay neither
// those that answer nor those that have just come. Among who may be asked, who is due longest comes
// first.
#ifndef SERVER_HEALTH_SCRAPE_SCHEDULE_H_
#define SERVER_HEALTH_SCRAPE_SCHEDULE_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "server/base/clock.h"
#include "server/base/rng.h"

namespace vllm_router::health {

// Belongs to one thread.
class ScrapeSchedule {
 public:
  // Never given twice.
  using Id = uint64_t;

  static constexpr base::Duration kLongestBackOff = std::chrono::minutes(5);
  static constexpr base::Duration kLongestTimeout = std::chrono::seconds(10);

  // `interval` and `slots` must be positive.
  ScrapeSchedule(base::Duration interval, size_t slots, base::Rng rng)
      : interval_(interval), slots_(slots), rng_(rng) {}

  // One more engine, due at once.
  Id Add(base::TimePoint now);
  // It is not asked any more. A question that is on its way keeps its slot until OnEnd.
  void Remove(Id id);
  // The next question to each engine comes as if the interval had been this one since the last, but
  // those that this makes overdue are spread over one interval.
  void SetInterval(base::Duration interval, base::TimePoint now);

  // The engine to ask now, which takes a slot; nullopt: none is due, or there is no slot for it.
  std::optional<Id> Next(base::TimePoint now);
  // What Next has given was answered, or not: gives the slot back.
  void OnEnd(Id id, bool success, base::TimePoint now);
  // When Next may give one if no question ends before; max() if only then.
  base::TimePoint wake_at() const;
  // How long a question may take.
  base::Duration timeout() const { return std::min(interval_, kLongestTimeout); }

 private:
  enum Standing : uint8_t { kNew, kGood, kFailing, kStandings };
  struct Entry {
    Standing standing = kNew;
    bool asked = false;  // a question is on its way
    bool removed = false;
    uint32_t failures = 0;  // in a row
    base::TimePoint due{};
    base::TimePoint asked_at{};
  };
  using Queue = std::set<std::pair<base::TimePoint, Id>>;

  bool MayAsk(Standing standing) const;
  // The standing whose first in the queue is due first, of those that may be asked.
  std::optional<Standing> First() const;
  base::TimePoint NextTime(const Entry& entry);
  // Uniform in (least, most].
  base::Duration Between(base::Duration least, base::Duration most);

  base::Duration interval_;
  const size_t slots_;
  base::Rng rng_;
  Id last_id_ = 0;
  std::unordered_map<Id, Entry> entries_;
  std::array<Queue, kStandings> waiting_;      // by due time
  std::array<size_t, kStandings> asked_ = {};  // slots in use
};

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_SCRAPE_SCHEDULE_H_
