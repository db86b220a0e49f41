// One client connection: reads requests one after the other, hands each to the host, writes the
// answers.
//
// The session knows HTTP/1.1 and nothing of models: framing, limits, time limits, keep-alive,
// pipelining, back-pressure and the end of connections. What is read but not asked for yet stays in
// one bounded buffer; while a request is being worked on nothing is read, so a client's pipelined
// requests wait in the kernel.
//
// Owned by its host's list of sessions; belongs to its loop's thread; ends itself through
// EventLoop::Retire.
#ifndef SERVER_HTTP_SESSION_H_
#define SERVER_HTTP_SESSION_H_

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/http/chunk_decoder.h"
#include "server/http/head.h"
#include "server/http/head_scanner.h"
#include "server/net/socket.h"

namespace vllm_router::http {

class Session;

// The limits that hold for the request that is being read. A zero Duration means none.
struct SessionLimits {
  HeadLimits head;
  uint64_t max_body_bytes = 0;
  base::Duration header_timeout{0};
  base::Duration body_timeout{0};   // between two reads of a body
  base::Duration idle_timeout{0};   // between two requests
  base::Duration write_timeout{0};  // without progress towards a client that does not read
};

class SessionHost {
 public:
  virtual SessionLimits Limits() const = 0;

  // The head is there and sound; head() may be read. Return true to have the body read (OnRequest
  // follows); false when the request has been answered already (see Session::Refuse).
  virtual bool OnHead(Session& session) = 0;
  // The request is complete; an answer must follow, now or later.
  virtual void OnRequest(Session& session) = 0;
  // Bytes that are no acceptable request. The host answers with Refuse. `status` 0: the connection
  // ends silently.
  virtual void OnBadRequest(Session& session, int status, std::string_view message) = 0;
  // The client has gone while its request was being worked on. The session is closed already.
  virtual void OnClientGone(Session& session) = 0;
  // Everything that was waiting for the client has been written.
  virtual void OnDrained(Session& session) = 0;
  // Last call: the session is about to be retired.
  virtual void OnClosed(Session& session) = 0;

 protected:
  ~SessionHost() = default;
};

class Session final : public net::Retirable, private net::SocketHandler, private net::Timer {
 public:
  // Takes over `fd`, a connected non-blocking socket.
  Session(SessionHost& host, net::EventLoop& loop, int fd, SSL_CTX* tls, std::string peer);
  ~Session() override;

  // --- the request; valid from OnHead (head) and OnRequest (body) until ReleaseRequest or the end
  // of the answer ---
  const RequestHead& head() const { return head_; }
  // nullptr: there is no head, and what head() says is of an earlier request.
  const char* head_base() const { return head_base_; }
  std::string_view body() const {
    return {body_, body_size_};
  }  // with net::kReadPadding readable bytes behind it
  std::string_view In(Slice slice) const { return slice.In(head_base_); }
  // The value of the first field with that id; empty when there is none.
  std::string_view Header(FieldId id) const;
  // Gives the request's memory back while its answer is still being streamed.
  void ReleaseRequest();

  // --- the answer ---
  // Whether the connection can stay open after this answer; an answer must say Connection: close
  // otherwise.
  bool keep_alive() const { return keep_alive_ && !ending_; }
  void set_keep_alive(bool keep) { keep_alive_ = keep && keep_alive_; }
  // The request has not been read to its end: an answer given now must be the connection's last.
  bool unread() const { return unread_; }
  // Writes as much as the socket takes and keeps the rest. The bytes need not stay. `count` <=
  // 1024.
  void Write(const iovec* pieces, int count);
  // A long rest of the answer, behind what has been written: a piece in each millisecond, so that
  // the loop's other connections need not wait for all of it.
  void WriteLong(std::shared_ptr<const std::string> rest);
  static constexpr size_t kLong = 64u << 10;  // what is shorter is not worth it
  // The answer is complete: the next request may be read.
  void FinishAnswer();
  // Ends the connection without completing the answer: the client sees that it was cut.
  void CutAnswer();

  // Bytes of the answer that wait for the client.
  size_t pending() const { return pending_end_ - pending_begin_; }

  bool idle() const { return state_ == State::kIdle; }
  // Between OnHead and OnRequest: the head can be read, the body still comes in.
  bool reading_body() const { return state_ == State::kBody; }
  uint64_t body_received() const {
    return head_.body == BodyKind::kChunked ? body_size_ : stored_ - body_offset_;
  }
  // In that state: an answer is given now, and is the connection's last.
  void StopReading();
  bool secure() const { return secure_; }
  const std::string& peer() const { return peer_; }
  // When the last byte of the current request's head began to arrive.
  base::TimePoint request_began() const { return request_began_; }

  // What the host keeps for the request in progress; the session only carries the pointer.
  void* context = nullptr;
  // The host's as well: the number that it gave to the request.
  uint64_t request_number = 0;
  // The host's as well: OnHead let the body be read, and no answer has been given or begun since.
  bool awaits_body = false;
  // The host's as well: the name of the key that came with the request's head.
  std::string client_key;
  // The host's as well: the port beside peer().
  uint16_t peer_port = 0;
  // The host's as well: this connection is one too many, its first request is refused.
  bool over_limit = false;

  // For shutdown: an idle session ends now, a busy one after its answer.
  void EndAfterAnswer();

 private:
  friend class SessionList;
  class LongRest;
  // Bytes that a client which was answered early may still send before it is cut off.
  static constexpr size_t kLingerBytesMax = 64u << 20;

  enum class State : uint8_t {
    kIdle,        // between requests
    kHead,        // part of a head is there
    kBody,        // the head is there, part of the body is missing
    kProcessing,  // the host works on it
    kFlushing,    // answered; the rest of the answer waits for the client
    kLingering,   // answered and half-closed: what the client still sends is thrown away
    kClosed,
  };

  void OnIo() override;
  void OnTimer() override;

  void ReadMore();
  bool ReadOnce();  // false: nothing more to do now
  bool ReadBodyInPlace();
  void OnInput(char* data, size_t size);
  void TakeHead(char* data, size_t size);
  void OnHeadComplete(char* data, size_t size);
  void BeginBody(char* head, size_t available);
  void Keep(char* head, size_t needed, size_t available);
  void AppendToStorage(const char* data, size_t size);
  void TakeChunkedBody(std::string_view bytes);
  bool AppendToChunkedBody(std::string_view data);
  void RequestComplete(std::string_view rest);
  void BadRequest(int status, std::string_view message);
  void SaveLeftover(std::string_view bytes);
  void NextRequest();
  // There is something that the client has not been sent.
  bool unsent() const { return pending() > 0 || long_rest_ != nullptr; }
  void Flush();
  void WriteRest();
  void AllSent();
  void AfterFlush();
  void Linger();
  void ClientGone();
  void Close();
  void Arm(base::Duration limit);
  bool InScratch(const char* data) const;

  SessionHost& host_;
  net::EventLoop& loop_;
  net::Socket socket_;
  const std::string peer_;
  const bool secure_;

  State state_ = State::kIdle;
  bool keep_alive_ = true;
  bool ending_ = false;   // EndAfterAnswer was called
  bool unread_ = false;   // the current request is answered before it was read to its end
  bool reading_ = false;  // ReadMore is on the stack
  SessionLimits limits_;  // of the request that is being read

  // The request. storage_ holds head and body as received (Content-Length) or the head alone
  // (chunked).
  RequestHead head_;
  HeadScanner scanner_;
  net::Buffer storage_;
  size_t stored_ = 0;       // bytes in storage_
  size_t body_offset_ = 0;  // where the body begins in storage_
  const char* head_base_ = nullptr;
  net::Buffer chunked_body_;
  ChunkDecoder chunks_;
  const char* body_ = nullptr;
  size_t body_size_ = 0;
  base::TimePoint request_began_{};

  net::Buffer leftover_;  // read beyond the request in progress
  size_t leftover_begin_ = 0;
  size_t leftover_end_ = 0;
  size_t leftover_size() const { return leftover_end_ - leftover_begin_; }
  size_t lingered_ = 0;  // bytes thrown away after the answer

  net::Buffer pending_;
  size_t pending_begin_ = 0;
  size_t pending_end_ = 0;
  std::unique_ptr<LongRest> long_rest_;  // comes behind what is pending

  // Intrusive list of the host's sessions.
  Session* previous_ = nullptr;
  Session* next_ = nullptr;
};

// The sessions of one shard: owns them until they retire.
class SessionList {
 public:
  ~SessionList();
  void Add(std::unique_ptr<Session> session);
  std::unique_ptr<Session> Remove(Session& session);
  size_t size() const { return size_; }
  // `visit` may end the session that it is called with.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (Session* session = first_; session != nullptr;) {
      Session* following = session->next_;
      visit(*session);
      session = following;
    }
  }

 private:
  Session* first_ = nullptr;
  size_t size_ = 0;
};

}  // namespace vllm_router::http

#endif  // SERVER_HTTP_SESSION_H_
