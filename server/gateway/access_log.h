// The access log of one shard: records are packed into one buffer, which is handed on as a whole at
// the end of the loop's turn. Nothing is allocated per request in the steady state, and nobody
// waits for a disk: see base::LineWriter.
//
// Belongs to the shard's thread.
#ifndef SERVER_GATEWAY_ACCESS_LOG_H_
#define SERVER_GATEWAY_ACCESS_LOG_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "server/gateway/access_line.h"
#include "server/gateway/endpoint_table.h"
#include "server/http/session.h"
#include "server/net/event_loop.h"

namespace vllm_router::gateway {

// Takes whole records; called on a shard's thread, returns at once.
using AccessOutput = std::function<void(std::string_view records)>;

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
  // Both outlive the log. Without an output records go to the process's stdout, as lines.
  AccessLog(net::EventLoop& loop, const AccessOutput& output) : loop_(loop), output_(output) {}

  void Write(const AccessEntry& entry, fleet::AccessLogFormat format);

 private:
  net::EventLoop& loop_;
  const AccessOutput& output_;
  std::string records_;
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_ACCESS_LOG_H_
