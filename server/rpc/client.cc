#include "server/rpc/client.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::rpc {

Client::~Client() {
  for (Call* call : waiting_) {
    if (call != nullptr) call->Cancel();
  }
  if (connection_ != nullptr) closing_.push_back(std::move(connection_));
  for (std::unique_ptr<Connection>& connection : closing_) {
    connection->Drop();
    loop_.Retire(std::move(connection));
  }
}

bool Client::idle() const {
  const auto busy = [](const auto& connection) { return connection->running() > 0; };
  return waiting_.empty() && (connection_ == nullptr || !busy(connection_)) &&
         std::none_of(closing_.begin(), closing_.end(), busy);
}

absl::Status Client::EnsureConnection() {
  if (connection_ != nullptr) return absl::OkStatus();
  if (loop_.now() < pause_until_) return last_failure_;
  addresses_ = target_.addresses();
  tried_ = 0;
  if (addresses_.empty()) {
    return absl::UnavailableError("the service's host has no address that may be called");
  }
  if (ConnectToNext()) return absl::OkStatus();
  // Only a Unix socket fails at once.
  GiveUp(absl::UnavailableError(
      absl::StrFormat("no connection to the service: %s", std::generic_category().message(errno))));
  return last_failure_;
}

absl::Status Client::Start(Call& call, CallRequest request) {
  if (absl::Status connection = EnsureConnection(); !connection.ok()) return connection;
  const base::TimePoint now = loop_.now();
  call.Reset(std::move(request), now);
  const bool soon = call.request_.deadline <= std::chrono::seconds(1);
  call.ArmAt(soon ? loop_.fine_timers() : loop_.timers(), now + call.request_.deadline);
  StartOrWait(call);
  return absl::OkStatus();
}

absl::Status Client::OnRefused(Call& call) {
  if (absl::Status connection = EnsureConnection(); !connection.ok()) return connection;
  call.sent_ = 0;
  StartOrWait(call);
  return absl::OkStatus();
}

void Client::StartOrWait(Call& call) {
  if (connected_) {
    connection_->Start(call);
    return;
  }
  call.where_ = Call::Where::kWaiting;
  call.client_ = this;
  call.place_ = waiting_.size();
  waiting_.push_back(&call);
}

void Client::Forget(Call& call) { waiting_[call.place_] = nullptr; }

bool Client::ConnectToNext() {
  Connection::Owner& owner = *this;
  connected_ = false;
  while (tried_ < addresses_.size()) {
    connection_ = std::make_unique<Connection>(loop_, target_, owner);
    if (connection_->Connect(addresses_[tried_++])) return true;
    loop_.Retire(std::move(connection_));
  }
  return false;
}

void Client::GiveUp(const absl::Status& why) {
  last_failure_ = why;
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  pause_until_ = loop_.now() + pause_;
  // Each one may cancel others. None begins anew: Start refuses during the pause.
  for (size_t i = 0; i < waiting_.size(); ++i) {
    Call* call = std::exchange(waiting_[i], nullptr);
    if (call == nullptr) continue;
    call->end_ = why;
    call->Deliver();
  }
  waiting_.clear();
}

void Client::OnConnected(Connection& connection) {
  connected_ = true;
  pause_ = base::Duration(0);
  for (Call* call : std::exchange(waiting_, {})) {
    if (call != nullptr) connection.Start(*call);
  }
}

void Client::OnClosing(Connection& connection) {
  if (connection_.get() == &connection) closing_.push_back(std::move(connection_));
  connected_ = false;
}

void Client::OnConnectionEnd(Connection& connection, const absl::Status& why) {
  if (connection_.get() != &connection) {
    const auto found = std::find_if(closing_.begin(), closing_.end(),
                                    [&](const auto& c) { return c.get() == &connection; });
    loop_.Retire(std::move(*found));
    closing_.erase(found);
    return;
  }
  loop_.Retire(std::move(connection_));
  if (std::exchange(connected_, false)) return;
  if (!ConnectToNext()) GiveUp(why);
}

}  // namespace vllm_router::rpc
