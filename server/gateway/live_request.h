// What can be told of a request that runs, for ListInFlight and AbortRequest. Value types.
#ifndef SERVER_GATEWAY_LIVE_REQUEST_H_
#define SERVER_GATEWAY_LIVE_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "server/base/clock.h"

namespace vllm_router::gateway {

enum class LivePhase : uint8_t {
  kReading,     // the head is there, the body still comes in
  kCallback,    // a callback is asked what becomes of it
  kQueued,      // waits for admission, or for a retry's share of the budget
  kConnecting,  // waits for a connection to its backend
  kPrefill,     // waits for the first byte of an answer; for the first event of a stream
  kDecode,      // the answer is coming
  kDiscarding,  // the client has gone, the answer is read to its end
};

template <typename Text>
struct LiveFields {
  uint64_t number = 0;     // unique in the process: see RequestNumber
  Text http_request_id{};  // empty while it is read, if the client gave none
  LivePhase phase = LivePhase::kReading;
  base::TimePoint began{};
  base::TimePoint phase_began{};
  Text path{};   // without the query
  Text model{};  // of its pool: after the router's aliases, before those of backends
  bool stream = false;
  Text client_address{};
  Text backend_id{};  // of the last attempt; empty before the first
  Text backend_url{};
  uint32_t attempt = 0;
  uint64_t generation = 0;      // 0 while it is read
  uint64_t request_bytes = 0;   // of the body, received
  uint64_t response_bytes = 0;  // of the answer, with its head and framing, sent
  uint64_t buffered_bytes = 0;  // of it, waiting for the client
  uint64_t output_events = 0;   // of an event stream, with content
};
// Views into the request: valid until it goes on.
using LiveView = LiveFields<std::string_view>;
using LiveRequest = LiveFields<std::string>;

LiveRequest Copy(const LiveView& view);

// Which ones. What is left as it is does not restrict.
struct LiveFilter {
  using Place = std::tuple<base::TimePoint, uint64_t>;  // began, number

  uint64_t number = 0;
  std::string http_request_id{};
  std::string model{};
  std::string backend_id{};
  uint32_t phases = 0;  // bit n: the phase of that value
  std::optional<base::TimePoint> began_until{};
  std::optional<Place> after{};  // those that come behind it in a list, oldest first

  bool Takes(const LiveView& view) const;
};

// Numbers requests on one shard so that no other shard uses the number, and everybody can tell the
// shard by it.
class RequestNumber {
 public:
  explicit RequestNumber(size_t shard) : last_(shard) {}
  uint64_t Next() { return last_ += kStep; }
  static size_t ShardOf(uint64_t number) { return number % kStep; }

 private:
  static constexpr uint64_t kStep = 1u << 12;  // more shards than any machine has processors
  uint64_t last_;
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_LIVE_REQUEST_H_
