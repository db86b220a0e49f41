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
#include <optional>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/fleet/settings.h"
#include "server/gateway/request_reader.h"
#include "server/stats/cause.h"

namespace vllm_router::gateway {

// The status of a request whose client left before any answer, as nginx has it. Never sent.
inline constexpr int kClientClosed = 499;

// Views that last for the call. Empty text, no number and no time mean that there is none: "-" in
// text, null in JSON.
struct AccessEntry {
  std::string_view client = {};  // its address
  std::string_view method = {};
  std::string_view path = {};  // without the query
  uint8_t http_minor = 1;
  int status = 0;  // sent, or kClientClosed; 0: the connection was cut before any answer
  stats::Cause cause = stats::Cause::kNone;
  std::string_view request_id = {};
  std::string_view model = {};    // as the client named it
  std::string_view backend = {};  // URL, of the last attempt
  std::optional<uint64_t> attempts = 0;

  // The first four add up to the time of the first token.
  std::optional<base::Duration> read = {};     // from the head's first byte to the body's last one
  std::optional<base::Duration> queue = {};    // then to the admission
  std::optional<base::Duration> connect = {};  // then until the last attempt had a connection
  std::optional<base::Duration> first = {};    // then until its answer brought content
  std::optional<base::Duration> total = base::Duration(0);

  bool stream = false;
  std::optional<uint64_t> input_tokens = {};
  std::optional<uint64_t> output_tokens = {};
  bool tokens_reported = false;               // by the engine; counted by us otherwise
  std::optional<uint64_t> request_bytes = 0;  // of the bodies
  std::optional<uint64_t> answer_bytes = 0;
  std::optional<uint64_t> generation = 0;  // of the configuration that it was routed by
  std::string_view key = {};               // the name of the client's key
  SessionSource session = SessionSource::kNone;
  std::string_view trace_id = {};
};

// Bytes of a text that are shown of what clients choose.
inline constexpr size_t kMaxModelShown = 128;
inline constexpr size_t kMaxPathShown = 512;

// Appends the line with its end. `second` is the time of day as text, up to its seconds.
void AppendAccessLine(const AccessEntry& entry, fleet::AccessLogFormat format,
                      std::string_view second, uint32_t milliseconds, std::string* out);

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_ACCESS_LINE_H_
