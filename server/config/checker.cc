#include "server/config/checker.h"

#include <google/protobuf/duration.pb.h>

#include <limits>
#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::config {

int64_t ToNanoseconds(const google::protobuf::Duration& duration) {
  constexpr int64_t kMaxSeconds = std::numeric_limits<int64_t>::max() / kSecond - 1;
  if (duration.seconds() > kMaxSeconds) return std::numeric_limits<int64_t>::max();
  if (duration.seconds() < -kMaxSeconds) return std::numeric_limits<int64_t>::min();
  return duration.seconds() * kSecond + duration.nanos();
}

std::string Readable(int64_t nanoseconds) {
  const double value = static_cast<double>(nanoseconds);
  if (nanoseconds != 0 && nanoseconds > -kSecond && nanoseconds < kSecond) {
    return absl::StrFormat("%g ms", value / kMillisecond);
  }
  if (nanoseconds % kHour == 0 && nanoseconds != 0) return absl::StrFormat("%g h", value / kHour);
  return absl::StrFormat("%g s", value / kSecond);
}

std::string Checker::PathOf(std::string_view field) const {
  if (path_.empty() || field.empty()) return path_ + std::string(field);
  return path_ + "." + std::string(field);
}

void Checker::Fail(std::string_view field, std::string description) const {
  violations_->push_back({PathOf(field), std::move(description)});
}

void Checker::Range(std::string_view field, uint64_t value, uint64_t min, uint64_t max) const {
  if (value >= min && value <= max) return;
  Fail(field, absl::StrFormat("%d is not allowed: %d to %d", value, min, max));
}

void Checker::Time(std::string_view field, const google::protobuf::Duration& duration,
                   int64_t min_ns, int64_t max_ns, bool zero_is_off) const {
  const int64_t value = ToNanoseconds(duration);
  const bool mixed = duration.nanos() <= -kSecond || duration.nanos() >= kSecond ||
                     (duration.seconds() > 0 && duration.nanos() < 0) ||
                     (duration.seconds() < 0 && duration.nanos() > 0);
  if (mixed) {
    Fail(field, "is no valid Duration: seconds and nanos have different signs or too many nanos");
    return;
  }
  if ((value >= min_ns && value <= max_ns) || (zero_is_off && value == 0)) return;
  std::string allowed = max_ns == kForever
                            ? (min_ns <= 1 ? "above 0" : "at least " + Readable(min_ns))
                            : Readable(min_ns) + " to " + Readable(max_ns);
  if (zero_is_off) allowed += ", or 0 for off";
  Fail(field, absl::StrFormat("%s is not allowed: %s", Readable(value), allowed));
}

void Checker::KnownEnum(std::string_view field, int value, bool known) const {
  if (!known) Fail(field, absl::StrFormat("%d is no value that this version knows", value));
}

}  // namespace vllm_router::config
