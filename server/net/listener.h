// Accepts client connections and places each on the shard that has the fewest: keep-alive
// connections are few and long, and SO_REUSEPORT's hash alone leaves shards idle beside busy ones.
// Runs on a thread of its own, which does nothing else.
#ifndef SERVER_NET_LISTENER_H_
#define SERVER_NET_LISTENER_H_

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "server/net/event_loop.h"
#include "server/net/shard.h"

namespace vllm_router::net {

struct PeerAddress {
  std::string text;  // "127.0.0.1" or "::1", without the port
  uint16_t port = 0;
};

struct Accepted {
  int fd = -1;
  PeerAddress peer;
  bool over_limit = false;  // one too many: to be told so, and closed
};

struct ListenerOptions {
  std::string host = "0.0.0.0";  // an address or a name; "" and "*" mean every address
  uint16_t port = 0;             // 0: any free one
};

class Listener final : private EventHandler, private Timer {
 public:
  // Runs on the shard that the connection was placed on; owns the descriptor from then on.
  using OnAccept = std::function<void(Shard&, Accepted accepted)>;

  // Binds and listens; nothing is accepted before Start. Errors name host and port.
  static absl::StatusOr<std::unique_ptr<Listener>> Create(ListenerOptions options, ShardSet& shards,
                                                          OnAccept on_accept);
  ~Listener() override;

  void Start();
  // Closes the port and ends the thread. Safe to call twice.
  void Stop();

  // Above it a connection is marked, 0: none is. A client that is told why it is refused costs a
  // connection for a while, so only so many are told: kRefusedAtOnce, the rest is closed. Any
  // thread; counts for connections from now on.
  void set_max_connections(int64_t limit) {
    max_connections_.store(limit, std::memory_order_relaxed);
  }
  static constexpr int64_t kRefusedAtOnce = 64;

  uint16_t port() const { return port_; }
  // Connections within the limit, and those beyond it.
  uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  Listener(ListenerOptions options, int fd, uint16_t port, ShardSet& shards, OnAccept on_accept);
  void OnEvents(uint32_t events) override;
  void OnTimer() override;
  void AcceptAll();
  void Place(int fd, const sockaddr_storage& address);

  const ListenerOptions options_;
  const uint16_t port_;
  ShardSet& shards_;
  const OnAccept on_accept_;
  std::atomic<uint64_t> accepted_{0};
  std::atomic<int64_t> max_connections_{0};
  std::atomic<uint64_t> refused_{0};

  // Owned by the accepting thread.
  int fd_;
  base::TimePoint last_complaint_{};
  EventLoop loop_;
  std::thread thread_;
};

}  // namespace vllm_router::net

#endif  // SERVER_NET_LISTENER_H_
