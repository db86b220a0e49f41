#include "tools/fake_engine/connection.h"

#include <algorithm>

#include "tools/fake_engine/engine.h"

namespace vllm_router::fake_engine {

Connection::Connection(Engine& engine, uint64_t id, size_t place)
    : engine_(engine),
      id_(id),
      place_(place),
      socket_(engine.loop(), this),
      exchange_(engine, *this) {}

void Connection::Start(int fd) {
  fd_ = fd;
  socket_.Accept(fd, nullptr);
  Pump();
}

void Connection::OnIo() {
  FlushBacklog();
  Pump();
}

void Connection::Pump() {
  if (pumping_) return;
  pumping_ = true;
  while (socket_.open() && !busy() && Step()) {
  }
  pumping_ = false;
  if (socket_.open() && (socket_.reset() || (socket_.peer_closed() && busy()))) PeerGone();
}

void Connection::Send(std::string_view first, std::string_view second) {
  if (!socket_.open()) return;
  size_t sent = 0;
  if (backlog_.empty()) {
    const iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()},
                             {const_cast<char*>(second.data()), second.size()}};
    const net::IoResult result = socket_.Write(pieces, second.empty() ? 1 : 2);
    if (result.status == net::IoStatus::kOk) sent = result.bytes;
    if (sent == first.size() + second.size()) return;
  }
  backlog_.append(first.substr(std::min(sent, first.size())));
  backlog_.append(second.substr(sent > first.size() ? sent - first.size() : 0));
}

void Connection::FlushBacklog() {
  if (backlog_.empty()) return;
  while (backlog_sent_ < backlog_.size()) {
    const iovec piece = {backlog_.data() + backlog_sent_, backlog_.size() - backlog_sent_};
    const net::IoResult result = socket_.Write(&piece, 1);
    if (result.status != net::IoStatus::kOk) return;
    backlog_sent_ += result.bytes;
  }
  backlog_.clear();
  backlog_sent_ = 0;
  exchange_.OnRoom();
}

void Connection::Answered() {
  if (engine_.options().keep_alive > base::Duration(0)) {
    ArmAt(engine_.loop().timers(), engine_.loop().now() + engine_.options().keep_alive);
  }
}

void Connection::OnTimer() {
  if (!busy() && state_ == State::kHead && partial_head_.empty()) Close();
}

void Connection::PeerGone() {
  if (busy()) {
    exchange_.PeerGone();
  } else if (state_ == State::kBody && request_.id != 0) {
    engine_.ledger().Aborted({.request_id = request_.id,
                              .phase = Phase::kReadingBody,
                              .at = base::Clock::Real().Now(),
                              .wall = base::Clock::Real().WallNow()},
                             false);
    state_ = State::kHead;
  }
  Close();
}

void Connection::Close() {
  if (!socket_.open()) return;
  socket_.Close();
  End();
}

void Connection::Reset() {
  if (!socket_.open()) return;
  socket_.Abort();
  End();
}

void Connection::End() {
  Leave();
  engine_.Forget(this);
}

void Connection::Leave() {
  Cancel();
  exchange_.Drop();
  if (state_ == State::kBody && request_.id != 0) engine_.ledger().Cut(false);
  state_ = State::kHead;
}

}  // namespace vllm_router::fake_engine
