// What became of the requests of a run: answers by status, failures by class. Not thread-safe.
#ifndef TOOLS_LOADGEN_TALLY_H_
#define TOOLS_LOADGEN_TALLY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vllm_router::loadgen {

// Why no whole answer came.
enum class Failure : uint8_t {
  kConnectRefused,
  kConnect,      // any other reason for having no connection, out of descriptors included
  kReset,        // reset before any byte of the answer
  kClosedEarly,  // end of input before any byte of the answer
  kTruncated,    // end of input or reset inside the answer
  kTimeout,      // no byte for the whole of --timeout-seconds
  kMalformed,    // head or framing broken, or bytes behind the answer
};
inline constexpr size_t kFailures = 7;

// "connect_refused", "connect", "reset", ...
std::string_view FailureName(Failure failure);

class Tally {
 public:
  void Answer(int status);
  void Fail(Failure failure);

  uint64_t ok() const { return ok_; }  // 2xx
  uint64_t failed() const { return failed_ + not_ok_; }
  uint64_t total() const { return ok_ + failed(); }
  uint64_t failures(Failure failure) const { return failures_[static_cast<size_t>(failure)]; }

  // {"200":17,"503":2}
  std::string StatusesJson() const;
  // {"reset":1}: classes that did not occur are left out.
  std::string FailuresJson() const;
  // "all ok", or "3 x status 503, 1 x reset".
  std::string FailuresText() const;

 private:
  static constexpr int kStatuses = 1000;
  std::array<uint64_t, kStatuses> statuses_{};
  std::array<uint64_t, kFailures> failures_{};
  uint64_t ok_ = 0;
  uint64_t not_ok_ = 0;
  uint64_t failed_ = 0;
};

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_TALLY_H_
