#include "server/http/session.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace vllm_router::http {
namespace {

// How long a client that was answered early may go on sending before it is cut off. Closing
// at once would reset the connection and could destroy the answer on its way (RFC 9112
// section 9.6).
constexpr base::Duration kLingerLimit = std::chrono::seconds(2);

}  // namespace

// Fires when the next piece may be written.
class Session::LongRest final : public net::Timer {
 public:
  LongRest(Session& session, std::shared_ptr<const std::string> text)
      : session_(session), text_(std::move(text)) {}

  std::string_view piece() const { return std::string_view(*text_).substr(sent_, kLong); }
  void Remove(size_t sent) { sent_ += sent; }

 private:
  void OnTimer() override { session_.WriteRest(); }

  Session& session_;
  const std::shared_ptr<const std::string> text_;
  size_t sent_ = 0;
};

Session::Session(SessionHost& host, net::EventLoop& loop, int fd, SSL_CTX* tls, std::string peer)
    : host_(host),
      loop_(loop),
      socket_(loop, this),
      peer_(std::move(peer)),
      secure_(tls != nullptr) {
  Arm(host_.Limits().header_timeout);
  socket_.Accept(fd, tls);
}

Session::~Session() = default;

std::string_view Session::Header(FieldId id) const {
  const Field* field = head_.Find(id);
  return field == nullptr ? std::string_view() : In(field->value);
}

void Session::ReleaseRequest() {
  storage_.Reset();
  chunked_body_.Reset();
  stored_ = body_offset_ = body_size_ = 0;
  head_base_ = body_ = nullptr;
}

void Session::OnIo() {
  if (state_ == State::kClosed) return;
  if (unsent()) Flush();
  ReadMore();
  if (state_ == State::kProcessing && socket_.peer_closed()) ClientGone();
  if (state_ == State::kFlushing && socket_.reset()) Close();
}

void Session::Write(const iovec* pieces, int count) {
  if (state_ == State::kClosed || socket_.reset()) return;
  size_t written = 0;
  if (pending() == 0) {
    const net::IoResult result = socket_.Write(pieces, count);
    if (result.status == net::IoStatus::kOk) written = result.bytes;
    if (result.status == net::IoStatus::kError) return;  // the reset comes as an event of its own
  }
  size_t unwritten = 0;
  for (int i = 0; i < count; ++i) unwritten += pieces[i].iov_len;
  if (unwritten == written) return;
  unwritten -= written;
  if (pending() == 0) Arm(host_.Limits().write_timeout);
  if (pending_.capacity() < pending_end_ + unwritten) {
    net::Buffer larger = loop_.buffers().Get(pending() + unwritten);
    if (pending() > 0) std::memcpy(larger.data(), pending_.data() + pending_begin_, pending());
    pending_end_ -= std::exchange(pending_begin_, 0);
    pending_ = std::move(larger);
  }
  for (int i = 0; i < count; ++i) {
    const size_t skip = std::min(written, pieces[i].iov_len);
    written -= skip;
    std::memcpy(pending_.data() + pending_end_, static_cast<const char*>(pieces[i].iov_base) + skip,
                pieces[i].iov_len - skip);
    pending_end_ += pieces[i].iov_len - skip;
  }
}

void Session::Flush() {
  while (pending() > 0) {
    const iovec piece{pending_.data() + pending_begin_, pending()};
    const net::IoResult result = socket_.Write(&piece, 1);
    if (result.status != net::IoStatus::kOk) return;
    pending_begin_ += result.bytes;
    if (pending() > 0) Arm(host_.Limits().write_timeout);
  }
  pending_.Reset();
  pending_begin_ = pending_end_ = 0;
  long_rest_ == nullptr ? AllSent() : WriteRest();
}

void Session::WriteLong(std::shared_ptr<const std::string> rest) {
  if (state_ == State::kClosed || socket_.reset() || rest->empty()) return;
  long_rest_ = std::make_unique<LongRest>(*this, std::move(rest));
  if (pending() > 0) return;
  Arm(host_.Limits().write_timeout);
  WriteRest();
}

void Session::WriteRest() {
  const std::string_view piece = long_rest_->piece();
  const iovec bytes{const_cast<char*>(piece.data()), piece.size()};
  const net::IoResult result = socket_.Write(&bytes, 1);
  if (result.status != net::IoStatus::kOk) return;  // its event comes
  Arm(host_.Limits().write_timeout);
  long_rest_->Remove(result.bytes);
  if (long_rest_->piece().empty()) {
    long_rest_.reset();
    AllSent();
  } else if (result.bytes == piece.size()) {
    long_rest_->ArmAt(loop_.fine_timers(), loop_.now());
  }
}

void Session::AllSent() {
  Timer::Cancel();
  if (state_ == State::kFlushing) {
    AfterFlush();
  } else if (state_ == State::kProcessing) {
    host_.OnDrained(*this);
  }
}

void Session::FinishAnswer() {
  if (state_ != State::kProcessing) return;
  if (unsent()) {
    state_ = State::kFlushing;
  } else {
    AfterFlush();
  }
}

void Session::AfterFlush() {
  ReleaseRequest();
  if (!keep_alive_ || ending_) {
    Linger();
  } else {
    NextRequest();
  }
}

void Session::NextRequest() {
  state_ = State::kIdle;
  scanner_.Reset();
  Arm(host_.Limits().idle_timeout);
  ReadMore();
}

void Session::CutAnswer() {
  if (state_ == State::kClosed) return;
  // What is already promised to the client goes out if the socket takes it; the missing rest tells
  // it of the cut.
  if (unsent()) {
    keep_alive_ = false;
    state_ = State::kFlushing;
    return;
  }
  Close();
}

void Session::Linger() {
  if (!unread_ && leftover_size() == 0 && !socket_.readable()) {
    Close();
    return;
  }
  leftover_.Reset();
  leftover_begin_ = leftover_end_ = 0;
  state_ = State::kLingering;
  socket_.ShutdownWrite();
  Arm(kLingerLimit);
  ReadMore();
}

void Session::EndAfterAnswer() {
  ending_ = true;
  if (state_ == State::kIdle && leftover_size() == 0 && !socket_.readable()) Close();
}

void Session::ClientGone() {
  Timer::Cancel();
  socket_.Close();
  state_ = State::kClosed;
  host_.OnClientGone(*this);
  host_.OnClosed(*this);
}

void Session::Close() {
  if (state_ == State::kClosed) return;
  Timer::Cancel();
  socket_.Close();
  state_ = State::kClosed;
  host_.OnClosed(*this);
}

void Session::Arm(base::Duration limit) {
  if (limit.count() > 0) {
    ArmAt(loop_.timers(), loop_.now() + limit);
  } else {
    Timer::Cancel();
  }
}

void Session::OnTimer() {
  switch (state_) {
    case State::kHead:
      BadRequest(408, "The request's header did not arrive in time.");
      break;
    case State::kBody:
      BadRequest(408, "The request's body did not arrive in time.");
      break;
    case State::kProcessing:  // the client does not read
      socket_.Abort();
      ClientGone();
      break;
    case State::kIdle:
    case State::kFlushing:
    case State::kLingering:
      if (leftover_size() > 0 || socket_.readable()) socket_.Abort();
      Close();
      break;
    case State::kClosed:
      break;
  }
}

bool Session::InScratch(const char* data) const {
  const char* scratch = loop_.scratch().data();
  return data >= scratch && data < scratch + net::EventLoop::kScratchBytes;
}

void SessionList::Add(std::unique_ptr<Session> session) {
  Session* added = session.release();
  added->next_ = first_;
  if (first_ != nullptr) first_->previous_ = added;
  first_ = added;
  ++size_;
}

std::unique_ptr<Session> SessionList::Remove(Session& session) {
  (session.previous_ != nullptr ? session.previous_->next_ : first_) = session.next_;
  if (session.next_ != nullptr) session.next_->previous_ = session.previous_;
  session.previous_ = session.next_ = nullptr;
  --size_;
  return std::unique_ptr<Session>(&session);
}

SessionList::~SessionList() {
  while (first_ != nullptr) Remove(*first_);
}

}  // namespace vllm_router::http
