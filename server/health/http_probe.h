// One question to an engine: connect, send, read the answer, judge it.
#ifndef SERVER_HEALTH_HTTP_PROBE_H_
#define SERVER_HEALTH_HTTP_PROBE_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "server/net/address.h"
#include "server/net/tls.h"

namespace boost::asio {
class io_context;
}

namespace vllm_router::health {

// A longer answer to a request for three tokens is none that the backend should give.
inline constexpr size_t kMaxAnswerBytes = 1u << 20;

struct Probe {
  std::vector<net::Address> addresses;  // tried in turn until one accepts; not empty
  // With a context the probe speaks TLS and `host` is the name to verify.
  net::TlsContext tls;
  std::string host;
  std::string request;                        // whole HTTP/1.1 request
  base::Duration timeout{0};                  // from the start to the end of the answer
  size_t max_answer_bytes = kMaxAnswerBytes;  // of its body; whole MiB
  bool wants_json = true;                     // false: the body may be anything
};

struct ProbeOutcome {
  bool healthy = false;
  // For the log, such as "it answered with status 503". Holds nothing of the request.
  std::string detail;
  bool connected = false;     // to the backend, TLS included
  int http_status = 0;        // 0: there was no whole answer
  base::Duration latency{0};  // from the start to the end
  std::string body{};         // of the answer
};

// Healthy means a status below 400 and a JSON body (if wanted), as the original has it, within the
// time.
// Runs on the thread of `io`, and calls `done` there once, never before it has returned itself;
// `done` is destroyed uncalled when `io` is destroyed first.
void StartProbe(boost::asio::io_context& io, Probe probe, std::function<void(ProbeOutcome)> done);

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_HTTP_PROBE_H_
