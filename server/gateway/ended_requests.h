// The last requests that ended on a shard, as far as explaining their route needs them. Bounded; in
// the steady state an entry takes over the memory of the one that it displaces. Belongs to its
// shard's thread.
#ifndef SERVER_GATEWAY_ENDED_REQUESTS_H_
#define SERVER_GATEWAY_ENDED_REQUESTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/fleet/backend.h"
#include "server/gateway/request_reader.h"

namespace vllm_router::gateway {

// What a request wanted and where it went.
struct RequestTrace {
  std::string http_request_id;
  std::string model;  // as asked for
  SessionSource session_source = SessionSource::kNone;
  std::string session_id;               // without meaning when the source is kNone
  std::string backend_id;               // of the last attempt; empty: there was none
  std::vector<std::string> failed_ids;  // of the backends that failed it
  uint64_t generation = 0;
  base::TimePoint seen{};  // when it ended, or now while it runs
  bool running = false;

  // Overwrites all of it but `running`.
  void Set(std::string_view request_id, const RequestFacts& facts, const fleet::Backend* backend,
           absl::Span<const fleet::Backend* const> failed, uint64_t generation_in_force,
           base::TimePoint now);
};

class EndedRequests {
 public:
  static constexpr size_t kKept = 1000;
  // Requests with a longer session id are not remembered: clients choose them.
  static constexpr size_t kMaxSessionBytes = 1024;

  // The entry to overwrite for a request that has just ended.
  RequestTrace& Add();
  // The last one of that id; nullptr: none is remembered.
  const RequestTrace* Find(std::string_view http_request_id) const;
  size_t size() const { return ring_.size(); }

 private:
  std::vector<RequestTrace> ring_;
  size_t next_ = 0;  // the entry that goes next, once all exist
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_ENDED_REQUESTS_H_
