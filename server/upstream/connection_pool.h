// Connections to engines: opened when needed, kept for the next request, dropped when the engine
// closes them or when they have been idle for longer than an engine keeps its side open. One pool
// per shard; belongs to its loop's thread.
#ifndef SERVER_UPSTREAM_CONNECTION_POOL_H_
#define SERVER_UPSTREAM_CONNECTION_POOL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/fleet/backend.h"
#include "server/net/socket.h"
#include "server/net/tls.h"

namespace vllm_router::upstream {

class ConnectionPool;

// What a connection leads to, and how: it serves a backend only as long as that is what the backend
// says.
struct Endpoint {
  std::string url;
  std::string server_name;
  const SSL_CTX* tls = nullptr;  // never dangles: the connection holds it

  bool IsThatOf(const fleet::BackendSpec& spec, const SSL_CTX* wanted_tls) const {
    return tls == wanted_tls && url == spec.url.text && server_name == spec.ServerName();
  }
};

// One connection. While it is idle it watches itself; while an exchange owns it, the exchange is
// its socket's handler.
class Connection final : public net::Retirable, private net::SocketHandler, private net::Timer {
 public:
  Connection(ConnectionPool& pool, net::EventLoop& loop, const fleet::Backend& backend);
  ~Connection() override;

  net::Socket& socket() { return socket_; }
  // It has carried an exchange before: it may be dead without our knowing.
  bool reused() const { return reused_; }
  const std::shared_ptr<fleet::BackendRuntime>& runtime() const { return runtime_; }

 private:
  friend class ConnectionPool;
  void OnIo() override;
  void OnTimer() override;

  ConnectionPool& pool_;
  std::shared_ptr<fleet::BackendRuntime> runtime_;  // the key in the pool; outlives snapshots
  std::shared_ptr<stats::BackendStats> stats_;      // likewise; nullptr: nothing is counted
  Endpoint endpoint_;
  net::Socket socket_;
  bool reused_ = false;
};

class ConnectionPool {
 public:
  // `shard`: whose cells count the connections of each backend.
  ConnectionPool(net::EventLoop& loop, size_t shard) : loop_(loop), shard_(shard) {}
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;
  ~ConnectionPool();

  // For https backends without a context of their own; set before the first of them is connected
  // to.
  void set_tls(net::TlsContext tls) { tls_ = std::move(tls); }

  // The most recently used idle connection, or nullptr. Those to a former URL of the backend, or
  // under former TLS settings, are ended.
  std::unique_ptr<Connection> TakeIdle(const fleet::Backend& backend);

  // A connection that begins to connect to the next address of the backend, with `handler` told of
  // what comes of it. nullptr: no address is known, or the attempt failed at once.
  std::unique_ptr<Connection> Open(const fleet::Backend& backend, net::SocketHandler* handler);

  // Takes a connection back after a complete exchange; it may wait `idle_limit` for the next one.
  void PutIdle(std::unique_ptr<Connection> connection, base::Duration idle_limit);
  // Ends a connection that is of no more use. `abort`: the engine must learn at once that nobody
  // reads any more.
  void Discard(std::unique_ptr<Connection> connection, bool abort);

  void CloseIdle();

  // Told whenever open() or idle() has changed.
  void set_on_change(std::function<void()> on_change) { on_change_ = std::move(on_change); }
  uint64_t open() const { return open_; }
  uint64_t idle() const { return idle_count_; }

 private:
  friend class Connection;
  using IdleList = std::vector<std::unique_ptr<Connection>>;

  SSL_CTX* TlsFor(const fleet::BackendSpec& spec) const;
  void RemoveIdle(Connection* connection);
  void Count(const Connection& connection, int opened, int idled);

  net::EventLoop& loop_;
  const size_t shard_;
  net::TlsContext tls_;
  std::function<void()> on_change_;
  uint64_t open_ = 0;
  uint64_t idle_count_ = 0;
  absl::flat_hash_map<const fleet::BackendRuntime*, IdleList> idle_;  // most recently used last
};

}  // namespace vllm_router::upstream

#endif  // SERVER_UPSTREAM_CONNECTION_POOL_H_
