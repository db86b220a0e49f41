#include "server/upstream/connection_pool.h"

#include <algorithm>
#include <utility>

#include "server/stats/backend_stats.h"

namespace vllm_router::upstream {

Connection::Connection(ConnectionPool& pool, net::EventLoop& loop, const fleet::Backend& backend)
    : pool_(pool), runtime_(backend.runtime), stats_(backend.stats), socket_(loop, this) {
  pool_.Count(*this, 1, 0);
  if (stats_ != nullptr) stats_->shard(pool_.shard_).connections_made.Add();
}

Connection::~Connection() { pool_.Count(*this, -1, 0); }

// Idle: the engine closed it, or sent something that nobody asked for, and then it cannot carry a
// request any more. Only a read tells: under TLS a session ticket makes the socket readable too,
// and that is nothing to close it for.
void Connection::OnIo() {
  char byte;
  if (socket_.peer_closed() || socket_.Read(&byte, 1).status != net::IoStatus::kWouldBlock) {
    pool_.RemoveIdle(this);
  }
}

void Connection::OnTimer() { pool_.RemoveIdle(this); }

ConnectionPool::~ConnectionPool() {
  on_change_ = nullptr;
  CloseIdle();
}

void ConnectionPool::Count(const Connection& connection, int opened, int idled) {
  open_ += static_cast<uint64_t>(opened);
  idle_count_ += static_cast<uint64_t>(idled);
  if (connection.stats_ != nullptr) {
    stats::BackendStats::ShardCells& cells = connection.stats_->shard(shard_);
    cells.connections_open.Add(static_cast<uint64_t>(opened));
    cells.connections_idle.Add(static_cast<uint64_t>(idled));
  }
  if (on_change_) on_change_();
}

void ConnectionPool::CloseIdle() {
  for (const auto& [runtime, list] : idle_) {
    for (const auto& connection : list) Count(*connection, 0, -1);
  }
  idle_.clear();
}

std::unique_ptr<Connection> ConnectionPool::TakeIdle(const fleet::Backend& backend) {
  const auto found = idle_.find(backend.runtime.get());
  if (found == idle_.end()) return nullptr;
  IdleList& list = found->second;
  const SSL_CTX* tls = TlsFor(backend.spec);
  while (!list.empty()) {
    std::unique_ptr<Connection> connection = std::move(list.back());
    list.pop_back();
    Count(*connection, 0, -1);
    connection->Cancel();
    if (connection->endpoint_.IsThatOf(backend.spec, tls)) return connection;
    Discard(std::move(connection), /*abort=*/false);
  }
  return nullptr;
}

SSL_CTX* ConnectionPool::TlsFor(const fleet::BackendSpec& spec) const {
  if (!spec.url.https) return nullptr;
  return spec.tls != nullptr ? spec.tls->get() : tls_.get();
}

std::unique_ptr<Connection> ConnectionPool::Open(const fleet::Backend& backend,
                                                 net::SocketHandler* handler) {
  const fleet::SocketAddress address = backend.runtime->NextAddress();
  if (address.length == 0) return nullptr;
  auto connection = std::make_unique<Connection>(*this, loop_, backend);
  connection->socket_.set_handler(handler);
  SSL_CTX* tls = TlsFor(backend.spec);
  connection->endpoint_ = {
      .url = backend.spec.url.text, .server_name = backend.spec.ServerName(), .tls = tls};
  if (!connection->socket_.Connect(reinterpret_cast<const sockaddr*>(&address.storage),
                                   address.length, tls, connection->endpoint_.server_name)) {
    return nullptr;
  }
  return connection;
}

void ConnectionPool::PutIdle(std::unique_ptr<Connection> connection, base::Duration idle_limit) {
  connection->socket_.set_handler(connection.get());
  connection->reused_ = true;
  connection->ArmAt(loop_.timers(), loop_.now() + idle_limit);
  Count(*connection, 0, 1);
  idle_[connection->runtime_.get()].push_back(std::move(connection));
}

void ConnectionPool::Discard(std::unique_ptr<Connection> connection, bool abort) {
  connection->Cancel();
  if (abort) {
    connection->socket_.Abort();
  } else {
    connection->socket_.Close();
  }
  loop_.Retire(std::move(connection));
}

void ConnectionPool::RemoveIdle(Connection* connection) {
  const auto found = idle_.find(connection->runtime_.get());
  IdleList& list = found->second;
  const auto it =
      std::find_if(list.begin(), list.end(), [&](const auto& c) { return c.get() == connection; });
  std::unique_ptr<Connection> removed = std::move(*it);
  list.erase(it);
  Count(*removed, 0, -1);
  if (list.empty()) idle_.erase(found);
  Discard(std::move(removed), /*abort=*/false);
}

}  // namespace vllm_router::upstream
