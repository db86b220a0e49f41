#include "tools/loadgen/client_connection.h"

#include <cerrno>
#include <utility>

namespace vllm_router::loadgen {

ClientConnection::ClientConnection(net::EventLoop& loop, const Address& address,
                                   base::Duration timeout, ExchangeObserver* observer)
    : loop_(loop), address_(address), timeout_(timeout), observer_(observer) {}

void ClientConnection::Connect() {
  if (transport_ != nullptr) return;
  transport_ = std::make_unique<Transport>(loop_, static_cast<net::SocketHandler*>(this));
  if (!transport_->socket.Connect(address_.get(), address_.length, nullptr, "")) Drop();
}

void ClientConnection::Start(std::string_view request) {
  busy_ = true;
  unsent_ = request;
  reader_.Reset();
  Connect();
  could_not_connect_ = transport_ == nullptr;
  ArmAt(loop_.timers(), could_not_connect_ ? loop_.now() : loop_.now() + timeout_);
  if (!could_not_connect_ && transport_->socket.connected()) Flush();
}

void ClientConnection::Abort() {
  busy_ = false;
  Drop();
}

void ClientConnection::Drop() {
  unsent_ = {};
  if (transport_ == nullptr) return;
  transport_->socket.Close();
  loop_.Retire(std::move(transport_));
}

void ClientConnection::OnTimer() {
  if (busy_) Fail(could_not_connect_ ? Failure::kConnect : Failure::kTimeout);
}

void ClientConnection::OnIo() {
  if (transport_->socket.failed()) {
    return Fail(errno == ECONNREFUSED ? Failure::kConnectRefused : Failure::kConnect);
  }
  if (!transport_->socket.connected()) return;
  Flush();
  ReadAll();
}

// A write that fails tells nothing yet: the answer may have come before the reset.
void ClientConnection::Flush() {
  while (!unsent_.empty()) {
    const iovec piece{const_cast<char*>(unsent_.data()), unsent_.size()};
    const net::IoResult result = transport_->socket.Write(&piece, 1);
    if (result.status != net::IoStatus::kOk) return;
    unsent_.remove_prefix(result.bytes);
  }
}

void ClientConnection::ReadAll() {
  while (transport_ != nullptr && transport_->socket.readable()) {
    net::Buffer& scratch = loop_.scratch();
    const net::IoResult result =
        transport_->socket.Read(scratch.data(), net::EventLoop::kScratchBytes);
    switch (result.status) {
      case net::IoStatus::kOk:
        read_at_ = base::Clock::Real().Now();
        Take({scratch.data(), result.bytes});
        break;
      case net::IoStatus::kWouldBlock:
        return;
      case net::IoStatus::kEof:
        return TakeEnd(/*reset=*/false);
      case net::IoStatus::kError:
        return TakeEnd(/*reset=*/true);
    }
  }
}

void ClientConnection::Take(std::string_view bytes) {
  if (!busy_) return Drop();  // nobody asked
  ArmAt(loop_.timers(), loop_.now() + timeout_);
  switch (reader_.Feed(bytes, *this)) {
    case ResponseReader::Result::kMore:
      return;
    case ResponseReader::Result::kDone:
      return Complete();
    case ResponseReader::Result::kBad:
      return Fail(Failure::kMalformed);
  }
}

void ClientConnection::TakeEnd(bool reset) {
  if (!busy_) return Drop();
  read_at_ = base::Clock::Real().Now();
  if (!reset && reader_.EndOfInput() == ResponseReader::Result::kDone) {
    Drop();
    return Complete();
  }
  if (reader_.started()) return Fail(Failure::kTruncated);
  Fail(reset ? Failure::kReset : Failure::kClosedEarly);
}

void ClientConnection::OnHead(const http::ResponseHead& head) { observer_->OnHead(head, read_at_); }

void ClientConnection::OnPayload(std::string_view bytes) { observer_->OnPayload(bytes, read_at_); }

void ClientConnection::Complete() {
  busy_ = false;
  // An answer before the whole request was read leaves bytes that the peer would take for the next.
  if (!reader_.keep_alive() || !unsent_.empty()) Drop();
  observer_->OnDone(read_at_);
}

void ClientConnection::Fail(Failure failure) {
  const bool told = std::exchange(busy_, false);
  Drop();
  if (told) observer_->OnFailed(failure);
}

}  // namespace vllm_router::loadgen
