// One attempt to get an answer from one engine: connect or reuse, send, read the head, pass the
// payload on.
//
// The exchange knows HTTP framing and time limits and nothing of routing. Payload is handed over as
// views into the receive buffer, one callback per read, so that the client side can put it on the
// wire with one gather write. It is a member of its request's context and serves attempt after
// attempt; belongs to its loop's thread.
#ifndef SERVER_UPSTREAM_EXCHANGE_H_
#define SERVER_UPSTREAM_EXCHANGE_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/types/span.h"
#include "server/fleet/backend.h"
#include "server/fleet/settings.h"
#include "server/http/chunk_decoder.h"
#include "server/http/head.h"
#include "server/http/head_scanner.h"
#include "server/net/socket.h"
#include "server/upstream/connection_pool.h"

namespace vllm_router::upstream {

enum class FailureKind : uint8_t {
  kNoAddress,  // the backend's name does not resolve (yet)
  kConnect,    // refused, unreachable, TLS handshake failed
  kConnectTimeout,
  kClosed,    // the engine closed or reset the connection before its answer was whole
  kProtocol,  // the answer is not acceptable HTTP
  kFirstByteTimeout,
  kIdleTimeout,
};

struct Failure {
  FailureKind kind;
  bool answer_begun;        // a whole response head had been handed over
  bool any_byte;            // at least one byte of an answer had arrived
  bool reused;              // on a connection that had served before
  std::string_view detail;  // constant text for the log
};

class ExchangeHandler {
 public:
  // `head` is set in the first call of an exchange, with `base` for its slices; both are valid
  // during the call only. `end`: the answer is complete, and the exchange is idle again.
  virtual void OnAnswer(const http::ResponseHead* head, const char* base,
                        absl::Span<const std::string_view> payload, bool end) = 0;
  // The exchange is idle again; nothing of it is left.
  virtual void OnFailure(const Failure& failure) = 0;

 protected:
  ~ExchangeHandler() = default;
};

class Exchange final : private net::SocketHandler, private net::Timer {
 public:
  Exchange(net::EventLoop& loop, ConnectionPool& pool, ExchangeHandler& handler)
      : loop_(loop), pool_(pool), handler_(handler) {}
  ~Exchange() override { Cancel(); }

  struct Request {
    fleet::BackendPtr backend;
    const fleet::Settings* settings;    // must outlive the exchange
    const fleet::RouteSettings* route;  // likewise
    std::string_view head;              // whole request head for this backend
    std::string_view body;
    bool to_head = false;     // the method is HEAD
    bool fresh_only = false;  // do not use an idle connection
  };
  // Head and body must stay until the answer's head has been handed over or the exchange has
  // failed. The handler is never called from inside Start.
  void Start(const Request& request);

  // Back-pressure: what the engine sends stays in the kernel until reading resumes.
  void PauseReading();
  void ResumeReading();

  // Ends the attempt without a callback; a running generation stops because its connection is
  // reset.
  void Cancel();

  bool active() const { return state_ != State::kIdle; }
  // No connection is there yet.
  bool connecting() const { return state_ == State::kStarting || state_ == State::kConnecting; }
  // When there was one, in an exchange that is past connecting.
  base::TimePoint connected_at() const { return connected_at_; }
  // The whole request has been handed to the kernel.
  bool all_sent() const { return active() && sent_ == request_.head.size() + request_.body.size(); }

 private:
  enum class State : uint8_t { kIdle, kStarting, kConnecting, kHead, kBody };

  void OnIo() override;
  void OnTimer() override;

  void OpenConnection();
  void OnConnected();
  void SendMore();
  void ReadMore();
  // Each returns false when the exchange is over or paused and the caller must stop.
  bool OnBytes(char* data, size_t size);
  bool TakeHead(char* data, size_t size);
  bool TakeBody(const http::ResponseHead* head, const char* base, std::string_view bytes);
  bool TakeChunked(const http::ResponseHead* head, const char* base, std::string_view bytes);
  bool OnEof();

  bool Deliver(const http::ResponseHead* head, const char* base,
               absl::Span<const std::string_view> payload, bool end);
  void Fail(FailureKind kind, std::string_view detail);
  void Complete();
  void ArmIdle();

  net::EventLoop& loop_;
  ConnectionPool& pool_;
  ExchangeHandler& handler_;

  Request request_;
  std::unique_ptr<Connection> connection_;
  State state_ = State::kIdle;
  bool paused_ = false;
  bool send_failed_ = false;
  bool clean_ = true;  // nothing came after the end of the answer
  bool any_byte_ = false;
  uint8_t addresses_tried_ = 0;
  uint8_t interims_ = 0;
  uint64_t generation_ = 0;  // counts attempts: a callback may have begun another one
  size_t sent_ = 0;          // bytes of head and body together
  base::TimePoint connected_at_{};
  http::HeadScanner scanner_;
  http::ChunkDecoder chunks_;
  http::ResponseHead head_;
  uint64_t body_left_ = 0;
  net::Buffer partial_;  // a head that has not come whole yet
  size_t partial_size_ = 0;
};

}  // namespace vllm_router::upstream

#endif  // SERVER_UPSTREAM_EXCHANGE_H_
