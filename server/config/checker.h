// Collects what is wrong with a message, field by field, so that a caller is told everything at
// once. Lives for one check; not thread-safe.
#ifndef SERVER_CONFIG_CHECKER_H_
#define SERVER_CONFIG_CHECKER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/failure.h"

namespace google::protobuf {
class Duration;
}

namespace vllm_router::config {

inline constexpr int64_t kMillisecond = 1'000'000;
inline constexpr int64_t kSecond = 1000 * kMillisecond;
inline constexpr int64_t kMinute = 60 * kSecond;
inline constexpr int64_t kHour = 60 * kMinute;
// What "above 0" and "no upper bound" mean for a length of time in ns; a
// year, as for flags.
inline constexpr int64_t kForever = int64_t{365} * 24 * kHour;

// Nanoseconds; saturates.
int64_t ToNanoseconds(const google::protobuf::Duration& duration);
// "1.5 s", "200 ms", "0 s".
std::string Readable(int64_t nanoseconds);

class Checker {
 public:
  // `path`: where the checked message stands in the request ("mutations[2].upsert_backend"), empty
  // for the request itself.
  Checker(std::string path, std::vector<base::Violation>* violations)
      : path_(std::move(path)), violations_(violations) {}

  // A checker for the message in `field` of this one ("ejection", "models[0]").
  Checker In(std::string_view field) const { return {PathOf(field), violations_}; }

  std::string PathOf(std::string_view field) const;

  void Fail(std::string_view field, std::string description) const;
  // `value` is out of [min, max].
  void Range(std::string_view field, uint64_t value, uint64_t min, uint64_t max) const;
  // `duration` out of [min_ns, max_ns]; with `zero_is_off` also 0 is fine.
  void Time(std::string_view field, const google::protobuf::Duration& duration, int64_t min_ns,
            int64_t max_ns, bool zero_is_off = false) const;
  // A proto3 enum holds a number that this version does not know.
  void KnownEnum(std::string_view field, int value, bool known) const;

 private:
  std::string path_;
  std::vector<base::Violation>* violations_;
};

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_CHECKER_H_
