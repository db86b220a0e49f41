// One keep-alive connection to the target, and one request at a time on it. Connects when a request
// needs it, and again after the peer or a failure has closed it. In the steady state a request
// allocates nothing. Belongs to the loop's thread; must outlive the loop's last turn.
#ifndef TOOLS_LOADGEN_CLIENT_CONNECTION_H_
#define TOOLS_LOADGEN_CLIENT_CONNECTION_H_

#include <memory>
#include <string_view>

#include "server/net/event_loop.h"
#include "server/net/socket.h"
#include "server/net/timer_wheel.h"
#include "tools/loadgen/request.h"
#include "tools/loadgen/response_reader.h"
#include "tools/loadgen/tally.h"

namespace vllm_router::loadgen {

// Follows one request after another. `at` is when the bytes were read. Each request ends in exactly
// one call of OnDone or OnFailed, in which the next one may be started.
class ExchangeObserver {
 public:
  virtual void OnHead(const http::ResponseHead& head, base::TimePoint at) = 0;
  virtual void OnPayload(std::string_view, base::TimePoint) {}
  virtual void OnDone(base::TimePoint at) = 0;
  virtual void OnFailed(Failure failure) = 0;

 protected:
  ~ExchangeObserver() = default;
};

class ClientConnection final : private net::SocketHandler,
                               private net::Timer,
                               private ResponseSink {
 public:
  // `timeout`: how long no byte may come while a request runs.
  ClientConnection(net::EventLoop& loop, const Address& address, base::Duration timeout,
                   ExchangeObserver* observer);
  ~ClientConnection() override = default;

  // Connects ahead of the first request.
  void Connect();
  // `request` is a whole request and must stay where it is until the end. Not while busy(). A
  // failure that shows at once is told in the loop's next timer tick, not from inside this call.
  void Start(std::string_view request);
  // Ends the request, if any, without a word to the observer, and the connection.
  void Abort();

  bool busy() const { return busy_; }
  bool open() const { return transport_ != nullptr; }

 private:
  // Retired rather than destroyed: events of the turn may still name the socket.
  struct Transport final : net::Retirable {
    Transport(net::EventLoop& loop, net::SocketHandler* handler) : socket(loop, handler) {}
    net::Socket socket;
  };

  void OnIo() override;
  void OnTimer() override;
  void OnHead(const http::ResponseHead& head) override;
  void OnPayload(std::string_view bytes) override;

  void Flush();
  void ReadAll();
  void Take(std::string_view bytes);
  void TakeEnd(bool reset);
  void Complete();
  void Fail(Failure failure);
  void Drop();

  net::EventLoop& loop_;
  const Address& address_;
  const base::Duration timeout_;
  ExchangeObserver* const observer_;
  std::unique_ptr<Transport> transport_;
  ResponseReader reader_;
  std::string_view unsent_;
  base::TimePoint read_at_{};
  bool busy_ = false;
  bool could_not_connect_ = false;
};

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_CLIENT_CONNECTION_H_
