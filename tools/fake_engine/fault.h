// Scripted misbehaviour of an engine, and its spelling: KIND or KIND:ARGUMENT, as in `--fault`, the
// request header X-Fake-Fault and POST /fake/control. Thread-safe: values and functions without
// state.
//
// "After N tokens" means, for an answer that is not streamed, after N bytes of its body. N is cut
// down to the answer's length, so that a fault always happens before the end of the answer.
#ifndef TOOLS_FAKE_ENGINE_FAULT_H_
#define TOOLS_FAKE_ENGINE_FAULT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace vllm_router::fake_engine {

enum class FaultKind : uint8_t {
  kNone,             // none
  kRefuse,           // refuse: the port is bound but does not listen (not per request)
  kHangBeforeHead,   // hang-before-head: the request is read and never answered
  kHangMidStream,    // hang-mid-stream:N: nothing more after N tokens, the connection stays open
  kResetBeforeHead,  // reset-before-head: TCP reset when the request has been read
  kResetMidStream,   // reset-mid-stream:N
  kCloseBeforeHead,  // close-before-head: orderly end of the connection without an answer
  kCloseMidStream,  // close-mid-stream:N: orderly end of the connection without the end of the body
  kTruncatedChunk,  // truncated-chunk:N: closes inside the chunk that follows
  kBadChunk,        // bad-chunk:N: a chunk size that is no number, then silence
  kMalformedHead,   // malformed-head: a status line that no client can accept, then silence
  kShortBody,       // short-body: closes before the announced length, or without the last chunk
  kSlowBody,        // slow-body:MS: the body in eighths, or the tokens, MS milliseconds apart
  kStatus,          // status:CODE (400 to 599) with an error body; 429 and 503 with Retry-After
  kHugeEvent,       // huge-event:BYTES: one event (or a content) with BYTES bytes of text more
  kGarbageAfterBody,  // garbage-after-body: bytes that belong to no answer follow the answer
  kHttp10,            // http10: an HTTP/1.0 answer that ends with the connection
};

struct Fault {
  FaultKind kind = FaultKind::kNone;
  uint64_t argument = 0;

  bool operator==(const Fault&) const = default;
  bool none() const { return kind == FaultKind::kNone; }
};

// What garbage-after-body sends.
inline constexpr std::string_view kGarbageBytes = "these bytes belong to no answer\r\n\r\n";

// InvalidArgument with a text for the operator: unknown kind, argument missing, superfluous or out
// of range. N and arguments left out of N kinds are 0.
absl::StatusOr<Fault> ParseFault(std::string_view text);
std::string FaultText(const Fault& fault);

// One line per kind, for --help.
std::string FaultHelp();

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_FAULT_H_
