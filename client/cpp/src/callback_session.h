// HTTP/2 and gRPC of one connection to a callback server, between bytes that come and bytes that
// go: nghttp2 and the calls that it carries. Knows no sockets. The service is called by Receive().
// Belongs to the server's thread.
#ifndef CLIENT_CPP_SRC_CALLBACK_SESSION_H_
#define CLIENT_CPP_SRC_CALLBACK_SESSION_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "client/cpp/src/callback_methods.h"

namespace vllm_router {

// What the sessions of one server share. Outlives them.
struct CallbackShared {
  CallbackService* service;
  size_t max_message_bytes;
  size_t max_buffered_bytes;
  size_t buffered_bytes = 0;  // of all calls of all sessions
};

class CallbackSession {
 public:
  explicit CallbackSession(CallbackShared* shared);
  ~CallbackSession();
  CallbackSession(const CallbackSession&) = delete;
  CallbackSession& operator=(const CallbackSession&) = delete;

  // False: that was no HTTP/2, and there is nothing to say to it.
  bool Receive(std::string_view bytes);
  // Appends what is to be sent, until `out` has `enough` bytes or a little more. False: the session
  // has failed.
  bool Produce(std::string* out, size_t enough);

  // Takes no more calls, and is over when those that have begun are answered.
  void Drain();
  // There is nothing left to read or to send.
  bool over() const;
  // No call has begun that is not answered.
  bool idle() const { return calls_.empty(); }

 private:
  struct Call {
    CallbackMethod method = nullptr;
    size_t header_bytes = 0;
    bool is_post = false;
    bool is_grpc = false;  // by its content type
    bool takes_trailers = false;
    bool begun = false;     // its headers are complete
    bool received = false;  // all of it
    bool answered = false;  // what comes of it from here on is dropped
    std::string in;         // prefix and message, as received
    std::string out;        // the answer with its prefix
    size_t sent = 0;
  };
  struct SessionFree {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };

  // As HTTP/2 counts them, and as it announces them.
  static constexpr size_t kMaxHeaderBytes = 16u << 10;

  // What nghttp2 tells.
  static const nghttp2_session_callbacks* Callbacks();
  void OnBegin(int32_t stream);
  void OnHeader(int32_t stream, std::string_view name, std::string_view value);
  void OnData(int32_t stream, std::string_view data);
  void OnFrame(const nghttp2_frame& frame);
  void OnFrameSent(const nghttp2_frame& frame);
  void OnClose(int32_t stream);

  void CheckHead(int32_t stream, Call& call);
  void Run(int32_t stream, Call& call);
  void Answer(int32_t stream, Call& call, std::string answer);
  // Instead of an answer.
  void Refuse(int32_t stream, Call& call, const absl::Status& status);
  void RefuseHttp(int32_t stream, Call& call, std::string_view http_status);
  void Refuse(int32_t stream, Call& call, const nghttp2_nv* fields, size_t count);
  ssize_t Provide(int32_t stream, uint8_t* out, size_t size, uint32_t* flags);

  Call* CallOf(int32_t stream) const;
  // False: there is no room.
  bool Keep(size_t bytes);
  void Drop(std::string* bytes);

  CallbackShared* const shared_;
  std::unordered_map<int32_t, Call> calls_;  // by stream; their places are known to nghttp2
  std::vector<int32_t> whole_;               // streams of calls to be run, of one Receive()
  std::unique_ptr<nghttp2_session, SessionFree> session_;
  bool noticed_ = false;  // the client is told that there will be an end
};

}  // namespace vllm_router

#endif  // CLIENT_CPP_SRC_CALLBACK_SESSION_H_
