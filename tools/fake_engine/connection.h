// One client connection: reads requests, hands each to its exchange, and sends what the exchange
// says. It notices at once when the client goes, whatever it is doing. Belongs to the loop's
// thread; ends its life in Engine::Forget.
//
// Bytes are looked at where the loop received them. Copied are only heads (a few hundred bytes),
// what the ledger records of bodies, and output that the client is too slow for.
#ifndef TOOLS_FAKE_ENGINE_CONNECTION_H_
#define TOOLS_FAKE_ENGINE_CONNECTION_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/chunk_decoder.h"
#include "server/http/head.h"
#include "server/http/head_scanner.h"
#include "server/net/event_loop.h"
#include "server/net/socket.h"
#include "tools/fake_engine/exchange.h"
#include "tools/fake_engine/json_scan.h"
#include "tools/fake_engine/large_body.h"
#include "tools/fake_engine/multipart_scan.h"
#include "tools/fake_engine/request.h"

namespace vllm_router::fake_engine {

class Engine;

class Connection final : public net::Retirable, private net::SocketHandler, private net::Timer {
 public:
  Connection(Engine& engine, uint64_t id, size_t place);
  ~Connection() override = default;

  void Start(int fd);

  // For the exchange. Nothing is sent on a connection that has ended.
  void Send(std::string_view first, std::string_view second = {});
  bool has_backlog() const { return !backlog_.empty(); }
  size_t backlog_bytes() const { return backlog_.size(); }
  // The answer has been sent; the next request may come. Pump must follow.
  void Answered();
  // Goes on with whatever can be done. To be called after an exchange has been moved from outside
  // of OnIo.
  void Pump();
  void Close();
  void Reset();
  // The engine ends: drops the request without a word. The connection is destroyed next.
  void Leave();

  // Where the engine keeps it.
  size_t place() const { return place_; }
  void set_place(size_t place) { place_ = place; }

 private:
  enum class State : uint8_t { kHead, kBody };
  enum class Scanning : uint8_t { kNothing, kJson, kMultipart };

  void OnIo() override;
  void OnTimer() override;

  // Reading. The functions with a result say how many of `bytes` they have dealt with.
  bool Step();
  void Consume(std::string_view bytes);
  size_t ConsumeHead(std::string_view bytes);
  size_t ConsumeBody(std::string_view bytes);
  size_t ConsumeChunks(std::string_view bytes);
  bool DiscardStep();
  void BeginRequest();
  void BodyBytes(std::string_view bytes);
  void EndRequest();
  void RefuseBytes(std::string_view why);

  void FlushBacklog();
  void PeerGone();
  void End();
  bool busy() const { return exchange_.active(); }

  Engine& engine_;
  const uint64_t id_;
  size_t place_;
  net::Socket socket_;
  int fd_ = -1;  // the socket's, for what it does not offer
  bool pumping_ = false;

  // The request that is being read, or answered.
  State state_ = State::kHead;
  http::HeadScanner scanner_;
  std::string partial_head_;  // a head of which not all has come
  std::string head_text_;
  http::RequestHead head_;
  Request request_;
  Scanning scanning_ = Scanning::kNothing;
  JsonScan json_;
  MultipartScan multipart_;
  http::ChunkDecoder chunks_;
  LargeBody large_;
  uint64_t body_remaining_ = 0;
  uint64_t body_bytes_ = 0;
  size_t record_limit_ = 0;

  Exchange exchange_;
  std::string unread_;        // received behind the request that is being answered
  std::string unread_spare_;  // its other buffer
  std::string backlog_;       // what the client has not taken yet
  size_t backlog_sent_ = 0;
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_CONNECTION_H_
