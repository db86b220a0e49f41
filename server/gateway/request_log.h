// The routing log line, in the original's words, which scripts and tests read:
//   Routing request <id> with session id <sid|None> to <url> at <unix time>, process time =
//   <seconds, 4 decimals>
// Lines of one turn of the loop are handed to the log together; that is still before the engine can
// have answered. One per shard; belongs to its thread.
#ifndef SERVER_GATEWAY_REQUEST_LOG_H_
#define SERVER_GATEWAY_REQUEST_LOG_H_

#include <optional>
#include <string>
#include <string_view>

#include "server/net/event_loop.h"

namespace vllm_router::gateway {

class RequestLog {
 public:
  explicit RequestLog(net::EventLoop& loop) : loop_(loop) {}

  struct Route {
    std::string_view request_id;
    std::optional<std::string_view> session_id;
    std::string_view url;
    base::TimePoint began;  // process time = from here to now
    uint32_t attempt;       // counts from 1; told from the second one on
    uint32_t attempts;      // how many the request may have
  };
  void Routed(const Route& route);

 private:
  net::EventLoop& loop_;
  std::string message_;
  std::string lines_;
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_REQUEST_LOG_H_
