#include "server/stats/rate.h"

#include <algorithm>

namespace vllm_router::stats {
namespace {

constexpr int kWidthBits = 56;
constexpr uint64_t kWidthMask = (uint64_t{1} << kWidthBits) - 1;
// A slot is eight bits of the number of changes above 32 bits of time in units of the slot's width.
constexpr int kTimeBits = 32;
// A rate over less time than this says nothing.
constexpr double kShortestSeconds = 1;

}  // namespace

void RateWindow::SetLength(base::Duration length, base::TimePoint now) {
  const uint64_t changes = (width_.load(std::memory_order_relaxed) >> kWidthBits) + 1;
  const auto width = static_cast<uint64_t>(std::max<int64_t>(length.count() / kParts, 1));
  since_ns_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  width_.store(changes << kWidthBits | (width & kWidthMask), std::memory_order_relaxed);
}

base::Duration RateWindow::length() const {
  const uint64_t width = width_.load(std::memory_order_relaxed) & kWidthMask;
  return base::Duration(static_cast<int64_t>(kParts * width));
}

RateWindow::Slot RateWindow::At(base::TimePoint now) const {
  const uint64_t width = width_.load(std::memory_order_relaxed);
  const uint64_t time =
      static_cast<uint64_t>(now.time_since_epoch().count()) / (width & kWidthMask);
  return (width >> kWidthBits) << kTimeBits | (time & 0xFFFFFFFF);
}

RateWindow::Span RateWindow::Ending(base::TimePoint now) const {
  const auto width = static_cast<int64_t>(width_.load(std::memory_order_relaxed) & kWidthMask);
  const int64_t now_ns = now.time_since_epoch().count();
  const auto parts = static_cast<int64_t>(kParts);
  const int64_t covered =
      std::min(parts * width + now_ns % width, now_ns - since_ns_.load(std::memory_order_relaxed));
  const double window = static_cast<double>(parts * width) / 1e9;
  const Slot last = At(now);
  return {
      .first = last - kParts,
      .last = last,
      .seconds = std::max(static_cast<double>(covered) / 1e9, std::min(kShortestSeconds, window))};
}

}  // namespace vllm_router::stats
