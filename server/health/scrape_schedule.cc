#include "server/health/scrape_schedule.h"

#include <algorithm>

namespace vllm_router::health {
namespace {

constexpr uint32_t kMostDoublings = 3;

}  // namespace

ScrapeSchedule::Id ScrapeSchedule::Add(base::TimePoint now) {
  const Id id = ++last_id_;
  entries_[id] = {.due = now};
  waiting_[kNew].insert({now, id});
  return id;
}

void ScrapeSchedule::Remove(Id id) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return;
  Entry& entry = it->second;
  if (entry.asked) {
    entry.removed = true;
    return;
  }
  waiting_[entry.standing].erase({entry.due, id});
  entries_.erase(it);
}

void ScrapeSchedule::SetInterval(base::Duration interval, base::TimePoint now) {
  interval_ = interval;
  for (auto& [id, entry] : entries_) {
    // Those that wait for a slot go on waiting.
    if (entry.asked || entry.due <= now) continue;
    waiting_[entry.standing].erase({entry.due, id});
    const base::TimePoint due = NextTime(entry);
    const base::TimePoint spread = now + Between(base::Duration(0), interval_);
    entry.due = due > now ? due : std::min(entry.due, spread);
    waiting_[entry.standing].insert({entry.due, id});
  }
}

bool ScrapeSchedule::MayAsk(Standing standing) const {
  const size_t doubtful = asked_[kNew] + asked_[kFailing];
  if (doubtful + asked_[kGood] >= slots_) return false;
  if (standing == kGood) return true;
  if (doubtful >= std::max<size_t>(slots_ * 3 / 4, 1)) return false;
  return standing == kNew || asked_[kFailing] < std::max<size_t>(slots_ / 2, 1);
}

std::optional<ScrapeSchedule::Standing> ScrapeSchedule::First() const {
  std::optional<Standing> first;
  for (const Standing standing : {kNew, kGood, kFailing}) {
    const Queue& queue = waiting_[standing];
    if (queue.empty() || !MayAsk(standing)) continue;
    if (!first || *queue.begin() < *waiting_[*first].begin()) first = standing;
  }
  return first;
}

std::optional<ScrapeSchedule::Id> ScrapeSchedule::Next(base::TimePoint now) {
  const std::optional<Standing> standing = First();
  if (!standing) return std::nullopt;
  Queue& queue = waiting_[*standing];
  const auto [due, id] = *queue.begin();
  if (due > now) return std::nullopt;
  queue.erase(queue.begin());
  ++asked_[*standing];
  Entry& entry = entries_[id];
  entry.asked = true;
  entry.asked_at = now;
  return id;
}

void ScrapeSchedule::OnEnd(Id id, bool success, base::TimePoint now) {
  const auto it = entries_.find(id);
  Entry& entry = it->second;
  --asked_[entry.standing];
  if (entry.removed) {
    entries_.erase(it);
    return;
  }
  entry.asked = false;
  const bool first = entry.standing == kNew;
  entry.standing = success ? kGood : kFailing;
  entry.failures = success ? 0 : entry.failures + 1;
  entry.due = first ? now + Between(base::Duration(0), interval_) : NextTime(entry);
  waiting_[entry.standing].insert({entry.due, id});
}

base::TimePoint ScrapeSchedule::wake_at() const {
  const std::optional<Standing> standing = First();
  return standing ? waiting_[*standing].begin()->first : base::TimePoint::max();
}

base::TimePoint ScrapeSchedule::NextTime(const Entry& entry) {
  if (entry.failures == 0) {
    const base::Duration tenth = interval_ / 10;
    return entry.asked_at + Between(interval_ - tenth, interval_ + tenth);
  }
  const uint32_t doublings = std::min(entry.failures - 1, kMostDoublings);
  const base::Duration longest = std::max(interval_, kLongestBackOff);
  const base::Duration wait = std::min(interval_ * (1 << doublings), longest);
  return entry.asked_at + Between(wait - wait / 5, wait);
}

base::Duration ScrapeSchedule::Between(base::Duration least, base::Duration most) {
  const auto width = static_cast<uint64_t>((most - least).count());
  return width == 0 ? most : most - base::Duration(static_cast<int64_t>(rng_.Below(width)));
}

}  // namespace vllm_router::health
