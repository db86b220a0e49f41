// One line of the access log: what it tells of a request, as text or as a JSON object.
//
//   [2026-11-28 03:46:00,123] ACCESS: 10.0.0.7 - "POST /v1/chat/completions HTTP/1.1" 200
//   cause=completed request_id=... model="llama" backend=http://gpu-1:8000 attempts=1 ...
//
// Never a key, a prompt, or anything of a body but the model's name. Whatever a client has chosen
// is bounded and escaped, so that it can neither forge a line nor break one. Pure functions.
#ifndef SERVER_GATEWAY_ACCESS_LINE_H_
#define SERVER_GATEWAY_ACCESS_LINE_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/fleet/settings.h"
#include "server/gateway/request_reader.h"
#include "server/stats/cause.h"

namespace vllm_router::gateway {

// The status of a request whose client left before any answer, as nginx has it. Never sent.
inline constexpr int kClientClosed = 499;

// Of a time and a number that there are none of. No std::optional: this is copied for each request.
inline constexpr base::Duration kNoTime = base::Duration::min();
inline constexpr uint64_t kNoNumber = std::numeric_limits<uint64_t>::max();

struct AccessFigures {
  // The first four add up to the time of the first token.
  base::Duration read = kNoTime;     // from the head's first byte to the body's last one
  base::Duration queue = kNoTime;    // then to the admission
  base::Duration connect = kNoTime;  // then until the last attempt had a connection
  base::Duration first = kNoTime;    // then until its answer brought content
  base::Duration total = base::Duration(0);

  uint64_t input_tokens = kNoNumber;
  uint64_t output_tokens = kNoNumber;
  uint64_t request_bytes = 0;  // of the bodies
  uint64_t answer_bytes = 0;
  uint64_t generation = 0;  // of the configuration that it was routed by
  uint32_t attempts = 0;
  uint16_t status = 0;  // sent, or kClientClosed; 0: the connection was cut before any answer
  uint8_t http_minor = 1;
  stats::Cause cause = stats::Cause::kNone;
  SessionSource session = SessionSource::kNone;
  bool stream = false;
  bool tokens_reported = false;  // by the engine; counted by us otherwise
};

// Views that last for the call. Empty text, kNoNumber and kNoTime mean that there is none: "-" in
// text, null in JSON.
struct AccessEntry {
  std::string_view client = {};  // its address
  std::string_view method = {};
  std::string_view path = {};  // without the query
  std::string_view request_id = {};
  std::string_view model = {};    // as the client named it
  std::string_view backend = {};  // URL, of the last attempt
  std::string_view key = {};      // the name of the client's key
  std::string_view trace_id = {};
  AccessFigures figures = {};
};

// Bytes of a text that are shown of what clients choose.
inline constexpr size_t kMaxModelShown = 128;
inline constexpr size_t kMaxPathShown = 512;

// When a line is written, as it says itself.
struct AccessStamp {
  std::string_view second;  // the time of day up to its seconds
  uint32_t milliseconds = 0;
};

// Appends the line with its end. `plain`: base::IsPlain is known of all the entry's texts.
void AppendAccessLine(const AccessEntry& entry, fleet::AccessLogFormat format,
                      const AccessStamp& stamp, bool plain, std::string* out);

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_ACCESS_LINE_H_
