// Calls one gRPC service from one event loop: over one connection, opened when it is needed and
// kept; made anew when the service ends it. A call that the service has refused unseen, because it
// was about to end, is begun once more (gRPC's transparent retry, doc/PROTOCOL-HTTP2.md). Belongs
// to the loop's thread.
//
// Why not grpc::Channel here: it works on threads of its own. In prototypes with both a call cost a
// shard 30 us of its own time that way and took 170 us, where this took 13 us and 100 us; and a
// shard's thread would run whatever gRPC has to do for others.
#ifndef SERVER_RPC_CLIENT_H_
#define SERVER_RPC_CLIENT_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "server/net/event_loop.h"
#include "server/rpc/call.h"
#include "server/rpc/connection.h"
#include "server/rpc/target.h"

namespace vllm_router::rpc {

class Client final : private Connection::Owner {
 public:
  Client(net::EventLoop& loop, Target target) : loop_(loop), target_(std::move(target)) {}
  // Its calls end silently.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Anything but OK: the call was not begun, and OnEnd will not be called. UnavailableError when no
  // connection came about a moment ago, so that a dead service costs nobody any waiting.
  absl::Status Start(Call& call, CallRequest request);

  // Nothing runs or waits.
  bool idle() const;

 private:
  friend class Call;
  // After a connection that did not come about, none is tried for so long.
  static constexpr base::Duration kFirstPause = std::chrono::milliseconds(100);
  static constexpr base::Duration kLongestPause = std::chrono::seconds(2);

  void Forget(Call& call);  // that waits
  absl::Status EnsureConnection();
  void StartOrWait(Call& call);
  bool ConnectToNext();
  void GiveUp(const absl::Status& why);

  void OnConnected(Connection& connection) override;
  void OnClosing(Connection& connection) override;
  absl::Status OnRefused(Call& call) override;
  void OnConnectionEnd(Connection& connection, const absl::Status& why) override;

  net::EventLoop& loop_;
  const Target target_;

  std::unique_ptr<Connection> connection_;  // that new calls go to
  bool connected_ = false;
  std::vector<std::unique_ptr<Connection>> closing_;  // that have running calls still
  std::vector<Call*> waiting_;                        // for the connection; nullptr: cancelled

  std::vector<net::Address> addresses_;  // of this attempt to connect, and how many were tried
  size_t tried_ = 0;
  base::Duration pause_{0};
  base::TimePoint pause_until_{};
  absl::Status last_failure_;
};

}  // namespace vllm_router::rpc

#endif  // SERVER_RPC_CLIENT_H_
