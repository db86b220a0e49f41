// What the data plane and callbacks tell each other about a request: views and values without
// protobuf.
#ifndef SERVER_CALLBACKS_HOOKS_H_
#define SERVER_CALLBACKS_HOOKS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "server/base/clock.h"

namespace vllm_router::callbacks {

struct HeaderLine {
  std::string_view name;  // in any case
  std::string_view value;
};

// A request as it is now: RequestFacts of callback.proto. Views that last for the call.
struct RequestView {
  std::string_view http_request_id{};
  std::string_view method{};
  std::string_view path{};
  std::string_view query{};
  std::string_view client_address{};
  absl::Span<const HeaderLine> headers{};
  std::string_view model{};
  std::string_view resolved_model{};
  bool stream = false;
  bool multipart = false;
  std::optional<std::string_view> session_id{};
  base::WallTime received{};
  uint64_t generation = 0;
  std::string_view body{};
  uint64_t body_bytes = 0;  // above that of `body` when not all of it was read
};

// How a request ended: the rest of PostRequestRequest.
struct EndView {
  uint8_t cause = 0;  // RequestCause, as a number
  int status = 0;
  std::string_view resolved_model{};
  std::string_view backend_id{};  // of the last attempt; empty: there was none
  std::string_view backend_url{};
  uint32_t attempts = 0;
  // From the first byte of the request; nullopt: it did not get so far.
  std::optional<base::Duration> body_received{};
  std::optional<base::Duration> routed{};
  std::optional<base::Duration> first_byte{};
  std::optional<base::Duration> first_token{};
  base::Duration total{};
  std::optional<uint64_t> input_tokens{};
  std::optional<uint64_t> cached_input_tokens{};
  std::optional<uint64_t> output_tokens{};
  std::string_view answer_head{};  // as it was sent, from the status line to the empty line
};

struct HeaderChange {
  enum class Action : uint8_t { kSet, kAppend, kRemove };
  Action action = Action::kSet;
  std::string name;
  std::string value;
};

// What a callback wants of a request.
struct Verdict {
  enum class Kind : uint8_t {
    kProceed,   // with the changes below
    kAnswer,    // the request ends with the answer below
    kFailed,    // the request ends with 503: a callback that must not fail has failed
    kTooLarge,  // the request ends with 413: its body is longer than a callback takes
  };
  Kind kind = Kind::kProceed;

  std::vector<HeaderChange> headers{};  // of the request, or of the answer
  std::optional<std::string> body{};    // of the request
  std::optional<std::string> model{};

  int status = 0;  // of the answer
  std::string answer_body{};
};

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_HOOKS_H_
