// The access log of one shard: lines are formatted into one buffer, which is handed on as a whole
// at the end of the loop's turn. Nothing is allocated per request in the steady state, and nobody
// waits for a disk: see base::LineWriter.
//
// Belongs to the shard's thread.
#ifndef SERVER_GATEWAY_ACCESS_LOG_H_
#define SERVER_GATEWAY_ACCESS_LOG_H_

#include <cstdint>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>

#include "server/gateway/access_line.h"
#include "server/gateway/endpoint_table.h"
#include "server/http/session.h"
#include "server/net/event_loop.h"

namespace vllm_router::gateway {

// Takes whole lines; called on a shard's thread, returns at once.
using AccessOutput = std::function<void(std::string_view lines)>;

// Asked often, by machines, about nothing but the router itself.
bool IsProbe(EndpointKind kind);

// What the line of a request needs of its head, which is gone when it ends. Reused, so that the
// strings keep their memory.
struct AccessOrigin {
  void Read(const http::Session& session);

  std::string client;
  std::string method;
  std::string key;
  std::string trace_id;
  uint8_t http_minor = 1;
};

class AccessLog {
 public:
  // Both outlive the log. Without an output lines go to the process's stdout.
  AccessLog(net::EventLoop& loop, const AccessOutput& output) : loop_(loop), output_(output) {}

  void Write(const AccessEntry& entry, fleet::AccessLogFormat format);

 private:
  // The turn's second as text, rendered once for all its lines.
  std::string_view Second(fleet::AccessLogFormat format, std::time_t second);

  net::EventLoop& loop_;
  const AccessOutput& output_;
  std::string lines_;
  fleet::AccessLogFormat second_format_ = fleet::AccessLogFormat::kOff;
  std::time_t second_ = 0;
  char second_text_[32] = "";
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_ACCESS_LOG_H_
