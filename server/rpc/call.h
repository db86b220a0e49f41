// One unary gRPC call as its owner sees it: begun by Client::Start, ended once by OnEnd, or by
// Cancel and then silently. May be used again after either. Belongs to the loop's thread.
#ifndef SERVER_RPC_CALL_H_
#define SERVER_RPC_CALL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/net/timer_wheel.h"

namespace vllm_router::rpc {

class Client;
class Connection;

struct CallRequest {
  std::string_view path;  // "/package.Service/Method"; a literal
  // The message, serialized, in three pieces one after the other. `body` is sent from where it is:
  // it has to stay until the call has ended or is cancelled.
  std::string message;
  std::string_view body{};
  std::string tail{};
  base::Duration deadline{};
  size_t max_answer_bytes = 0;  // a longer answer is a failure, and is not read to its end
};

class Call : private net::Timer {
 public:
  Call() = default;
  ~Call() override { Cancel(); }

  // Nothing is told any more; the service learns that nobody waits.
  void Cancel();
  bool running() const { return where_ != Where::kNowhere; }
  // Since Start; after the end, how long it took.
  base::Duration Took(base::TimePoint now) const { return now - started_; }

 protected:
  // `message` is that of the service if `status` is OK, and lasts for the call; the words of any
  // other status may be the service's own. May start this call anew, or destroy it.
  virtual void OnEnd(const absl::Status& status, std::string_view message) = 0;

 private:
  friend class Client;
  friend class Connection;
  enum class Where : uint8_t { kNowhere, kWaiting, kOnStream, kEnded };

  void OnTimer() override;
  size_t MessageBytes() const {
    return request_.message.size() + request_.body.size() + request_.tail.size();
  }
  // Forgets what an earlier use has left.
  void Reset(CallRequest request, base::TimePoint now);
  void Deliver();

  Where where_ = Where::kNowhere;
  Client* client_ = nullptr;          // while it waits
  Connection* connection_ = nullptr;  // while it is on a stream, or its end waits to be told
  size_t place_ = 0;                  // in the list of whoever has it
  base::TimePoint started_{};

  CallRequest request_;
  int32_t stream_ = 0;
  size_t sent_ = 0;  // of prefix and message

  bool refused_ = false;  // by a service that was about to end, once

  std::string answer_;  // prefix and message, as received
  int http_status_ = 0;
  bool is_grpc_ = false;  // the answer's content type says so
  int grpc_status_ = -1;
  std::string grpc_message_;
  absl::Status end_;  // when it is known before the stream has closed, or by then
};

}  // namespace vllm_router::rpc

#endif  // SERVER_RPC_CALL_H_
