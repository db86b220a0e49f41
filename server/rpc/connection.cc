#include "server/rpc/connection.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::rpc {
namespace {

constexpr base::Duration kConnectPatience = std::chrono::seconds(5);
constexpr base::Duration kPingPatience = std::chrono::seconds(2);
// In one turn of the loop; the rest has to wait for a millisecond, during which others are served.
constexpr int kReadsPerTurn = 4;
// Settings, pings and the like between calls.
constexpr size_t kMaxUnaskedBytes = 256u << 10;
constexpr size_t kMaxWriteBytes = 64u << 10;
constexpr int32_t kConnectionWindow = 1 << 20;

}  // namespace

Connection::Connection(net::EventLoop& loop, const Target& target, Owner& owner)
    : loop_(loop), target_(target), owner_(owner), socket_(loop, this) {}

Connection::~Connection() = default;

bool Connection::Connect(const net::Address& address) {
  if (!socket_.Connect(address.get(), address.length, target_.tls.get(), target_.server_name)) {
    return false;
  }
  ArmAt(loop_.timers(), loop_.now() + kConnectPatience);
  return true;
}

// Connected: the preface and our settings go first.
void Connection::Begin() {
  Timer::Cancel();
  read_at_ = loop_.now();
  nghttp2_session* session = nullptr;
  nghttp2_session_client_new(&session, Callbacks(), this);
  session_.reset(session);
  const std::array<nghttp2_settings_entry, 3> settings = {
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
       {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 8192}}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  SoonFlush();
  owner_.OnConnected(*this);
}

void Connection::Start(Call& call) {
  call.where_ = Call::Where::kOnStream;
  call.connection_ = this;
  call.place_ = running_.size();
  running_.push_back(&call);
  Submit(call);
}

void Connection::Abandon(Call& call) {
  nghttp2_session_set_stream_user_data(session_.get(), call.stream_, nullptr);
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, call.stream_, NGHTTP2_CANCEL);
  Detach(call);
  SoonFlush();
}

void Connection::Detach(Call& call) {
  running_[call.place_] = running_.back();
  running_[call.place_]->place_ = call.place_;
  running_.pop_back();
}

void Connection::ForgetEnded(Call& call) { ended_[call.place_] = nullptr; }

// It takes no part any more; told soon.
void Connection::Leave(Call& call, absl::Status end) {
  Detach(call);
  call.where_ = Call::Where::kEnded;
  call.place_ = ended_.size();
  if (call.end_.ok()) call.end_ = std::move(end);
  ended_.push_back(&call);
}

void Connection::DeliverEnds() {
  // Each one may cancel others, begin new calls, or destroy calls.
  for (size_t i = 0; i < ended_.size(); ++i) {
    if (Call* call = std::exchange(ended_[i], nullptr); call != nullptr) call->Deliver();
  }
  ended_.clear();
}

void Connection::OnSilence(base::TimePoint began) {
  if (over_ || pinging_ || read_at_ > began) return;
  pinging_ = true;
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
  ArmAt(loop_.timers(), loop_.now() + kPingPatience);
  SoonFlush();
}

void Connection::OnTimer() {
  if (session_ == nullptr) {
    Fail(absl::UnavailableError("the connection did not come about within 5 s"));
  } else {
    Fail(absl::UnavailableError("the service does not answer pings"));
  }
}

// Many calls that begin in one turn share a write.
void Connection::SoonFlush() {
  if (over_ || std::exchange(flush_planned_, true)) return;
  loop_.Defer([this] {
    flush_planned_ = false;
    Flush();
  });
}

void Connection::Flush() {
  if (over_ || session_ == nullptr) return;
  if (Send()) LookWhetherOver();
  DeliverEnds();
}

bool Connection::Send() {
  while (true) {
    while (out_.size() < kMaxWriteBytes) {
      const uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
      if (size < 0) {
        Fail(absl::InternalError(absl::StrFormat("HTTP/2 towards the service failed: %s",
                                                 nghttp2_strerror(static_cast<int>(size)))));
        return false;
      }
      if (size == 0) break;
      out_.append(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
    }
    if (out_.empty()) return true;
    const iovec piece{out_.data() + out_sent_, out_.size() - out_sent_};
    const net::IoResult result = socket_.Write(&piece, 1);
    if (result.status == net::IoStatus::kWouldBlock) return true;
    if (result.status != net::IoStatus::kOk) {
      Fail(absl::UnavailableError("the connection to the service broke"));
      return false;
    }
    out_sent_ += result.bytes;
    if (out_sent_ < out_.size()) continue;
    out_.clear();
    out_sent_ = 0;
  }
}

void Connection::OnIo() {
  if (over_) return;
  if (socket_.failed()) {
    Fail(absl::UnavailableError(
        absl::StrFormat("no connection to the service: %s", socket_.WhyFailed())));
    return;
  }
  if (!socket_.connected()) return;
  if (session_ == nullptr) Begin();
  if (Receive() && Send()) LookWhetherOver();
  DeliverEnds();
}

bool Connection::Receive() {
  char* const scratch = loop_.scratch().data();
  for (int reads = 0; socket_.readable(); ++reads) {
    if (reads == kReadsPerTurn) {
      read_on_.ArmAt(loop_.fine_timers(), loop_.now() + std::chrono::milliseconds(1));
      return true;
    }
    const net::IoResult result = socket_.Read(scratch, net::EventLoop::kScratchBytes);
    if (result.status == net::IoStatus::kWouldBlock) break;
    if (result.status != net::IoStatus::kOk) {
      Fail(absl::UnavailableError("the service closed the connection"));
      return false;
    }
    read_at_ = loop_.now();
    unasked_ = running_.empty() ? unasked_ + result.bytes : 0;
    const ssize_t taken = nghttp2_session_mem_recv(
        session_.get(), reinterpret_cast<const uint8_t*>(scratch), result.bytes);
    if (taken < 0 || unasked_ > kMaxUnaskedBytes) {
      Fail(absl::UnavailableError("the service does not speak gRPC over HTTP/2"));
      return false;
    }
  }
  return true;
}

void Connection::LookWhetherOver() {
  const bool wants = nghttp2_session_want_read(session_.get()) != 0 ||
                     nghttp2_session_want_write(session_.get()) != 0;
  if (closing_ ? running_.empty() && ended_.empty() : !wants) {
    // Without a word of farewell it is nghttp2 that wants no more: what came was no HTTP/2.
    Fail(absl::UnavailableError(closing_ ? "the service closed the connection"
                                         : "the service does not speak gRPC over HTTP/2"));
  }
}

void Connection::Close() {
  over_ = true;
  Timer::Cancel();
  read_on_.Cancel();
  socket_.Close();
}

void Connection::Fail(const absl::Status& why) {
  if (over_) return;
  Close();
  while (!running_.empty()) Leave(*running_.back(), why);
  owner_.OnConnectionEnd(*this, why);
  DeliverEnds();
}

void Connection::Drop() {
  Close();
  for (std::vector<Call*>* calls : {&running_, &ended_}) {
    for (Call* call : *calls) {
      if (call == nullptr) continue;
      call->where_ = Call::Where::kNowhere;
      call->Timer::Cancel();
    }
    calls->clear();
  }
}

}  // namespace vllm_router::rpc
