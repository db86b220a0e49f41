// One HTTP/2 connection to a gRPC service, for unary calls, on an event loop: nghttp2 between a
// socket and Call. Made and owned by a Client; ends by Owner::OnConnectionEnd, after which it must
// be retired. Belongs to the loop's thread.
//
// What a hostile service can do is bounded: nothing but answers to calls is taken, each up to its
// limit, and so much in one turn of the loop; what it sends beside them costs its own connection.
#ifndef SERVER_RPC_CONNECTION_H_
#define SERVER_RPC_CONNECTION_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/net/address.h"
#include "server/net/event_loop.h"
#include "server/net/socket.h"
#include "server/net/timer_wheel.h"
#include "server/rpc/call.h"
#include "server/rpc/target.h"

namespace vllm_router::rpc {

class Connection final : public net::Retirable, private net::SocketHandler, private net::Timer {
 public:
  class Owner {
   public:
    virtual void OnConnected(Connection& connection) = 0;
    // It takes no more calls; those that run go on.
    virtual void OnClosing(Connection& connection) = 0;
    // The service has done nothing for a call that it was sent, which may be begun once more; it is
    // the owner's when that is OK.
    virtual absl::Status OnRefused(Call& call) = 0;
    // Its calls have ended, or end with `why` when this has returned.
    virtual void OnConnectionEnd(Connection& connection, const absl::Status& why) = 0;

   protected:
    ~Owner() = default;
  };

  // `target` outlives it.
  Connection(net::EventLoop& loop, const Target& target, Owner& owner);
  ~Connection() override;

  // False: it failed at once.
  bool Connect(const net::Address& address);
  void Start(Call& call);
  // Ends it, and its calls, silently.
  void Drop();

  size_t running() const { return running_.size(); }

 private:
  friend class Call;
  struct SessionFree {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  // What Call has to say.
  void Abandon(Call& call);
  void ForgetEnded(Call& call);
  // A call has waited in vain since `began`: is anybody there?
  void OnSilence(base::TimePoint began);

  // Reads on where one turn of the loop had to stop.
  class ReadOn final : public net::Timer {
   public:
    explicit ReadOn(Connection& connection) : connection_(connection) {}

   private:
    void OnTimer() override { connection_.OnIo(); }
    Connection& connection_;
  };

  void OnIo() override;
  void OnTimer() override;  // connecting, or a ping, takes too long

  void Begin();
  void SoonFlush();
  void Flush();
  bool Send();  // false: the connection has ended
  bool Receive();
  void Close();
  void Fail(const absl::Status& why);
  void Detach(Call& call);
  void Leave(Call& call, absl::Status end);
  void DeliverEnds();
  void LookWhetherOver();
  // The running call of a stream; nullptr: nobody waits for it any more.
  Call* CallOf(int32_t stream) const;

  // --- connection_stream.cc: what nghttp2 is told, and tells ---
  void Submit(Call& call);
  static const nghttp2_session_callbacks* Callbacks();
  void OnHeader(int32_t stream, std::string_view name, std::string_view value);
  void OnData(int32_t stream, std::string_view data);
  void OnStreamClose(int32_t stream, uint32_t error_code);
  void OnFrame(const nghttp2_frame& frame);
  ssize_t Provide(int32_t stream, uint8_t* out, size_t size, uint32_t* flags);
  void Reject(Call& call, absl::Status why);

  net::EventLoop& loop_;
  const Target& target_;
  Owner& owner_;
  net::Socket socket_;
  std::unique_ptr<nghttp2_session, SessionFree> session_;  // nullptr until it is connected
  bool over_ = false;
  bool closing_ = false;
  bool flush_planned_ = false;
  bool pinging_ = false;
  base::TimePoint read_at_{};  // when the service was heard last
  size_t unasked_ = 0;         // bytes that came while no call ran
  ReadOn read_on_{*this};

  std::vector<Call*> running_;
  std::vector<Call*> ended_;  // to be told, when nghttp2 is not on the stack; nullptr: cancelled
  std::string out_;           // frames on their way to the kernel
  size_t out_sent_ = 0;
};

}  // namespace vllm_router::rpc

#endif  // SERVER_RPC_CONNECTION_H_
