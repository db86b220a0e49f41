#include "server/upstream/exchange.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace vllm_router::upstream {
namespace {

// More than any engine sends; what an attacked engine may make us hold per exchange.
constexpr http::HeadLimits kAnswerLimits{
    .max_bytes = 65536, .max_start_line = 8192, .max_fields = 256};
constexpr int kMaxInterims = 128;
// After this many full reads in a row other connections get their turn.
constexpr int kReadsPerTurn = 16;
constexpr size_t kPiecesPerWrite = 64;

}  // namespace

void Exchange::Start(const Request& request) {
  request_ = request;
  ++generation_;
  paused_ = send_failed_ = any_byte_ = false;
  clean_ = true;
  addresses_tried_ = interims_ = 0;
  sent_ = 0;
  partial_size_ = 0;
  scanner_.Reset();
  if (!request.fresh_only) connection_ = pool_.TakeIdle(*request.backend);
  if (connection_ == nullptr) {
    state_ = State::kStarting;
    OpenConnection();
    return;
  }
  connection_->socket().set_handler(this);
  OnConnected();
}

void Exchange::OpenConnection() {
  const size_t addresses = request_.backend->runtime->address_count();
  while (addresses_tried_ < std::max<size_t>(addresses, 1)) {
    ++addresses_tried_;
    connection_ = pool_.Open(*request_.backend, this);
    if (connection_ == nullptr) continue;
    state_ = State::kConnecting;
    if (const base::Duration limit = request_.route->connect_timeout; limit.count() > 0) {
      ArmAt(loop_.timers(), loop_.now() + limit);
    }
    return;
  }
  // Not from inside Start: the handler is told when this turn's events are done.
  state_ = State::kStarting;
  const FailureKind kind = addresses == 0 ? FailureKind::kNoAddress : FailureKind::kConnect;
  loop_.Defer([this, kind, generation = generation_] {
    if (generation != generation_ || state_ != State::kStarting) return;
    Fail(kind,
         kind == FailureKind::kNoAddress ? "its name does not resolve" : "connection refused");
  });
}

void Exchange::OnConnected() {
  state_ = State::kHead;
  connected_at_ = loop_.now();
  Timer::Cancel();
  SendMore();
}

void Exchange::SendMore() {
  const size_t total = request_.head.size() + request_.body.size();
  while (sent_ < total && !send_failed_) {
    std::array<iovec, 2> pieces;
    int count = 0;
    const size_t head_left = request_.head.size() - std::min(sent_, request_.head.size());
    if (head_left > 0) {
      pieces[count++] = {const_cast<char*>(request_.head.data()) + request_.head.size() - head_left,
                         head_left};
    }
    const size_t body_sent = sent_ - (request_.head.size() - head_left);
    if (body_sent < request_.body.size()) {
      pieces[count++] = {const_cast<char*>(request_.body.data()) + body_sent,
                         request_.body.size() - body_sent};
    }
    const net::IoResult result = connection_->socket().Write(pieces.data(), count);
    if (result.status == net::IoStatus::kWouldBlock) return;
    if (result.status != net::IoStatus::kOk) {
      // An engine may refuse a body by answering and closing: what it said is still to be read. The
      // kernel reports the reset as an event of its own.
      send_failed_ = true;
      return;
    }
    sent_ += result.bytes;
  }
  if (sent_ == total && state_ == State::kHead) {
    if (const base::Duration limit = request_.route->first_byte_timeout; limit.count() > 0) {
      ArmAt(loop_.timers(), loop_.now() + limit);
    }
  }
}

void Exchange::OnIo() {
  net::Socket& socket = connection_->socket();
  if (state_ == State::kConnecting) {
    if (socket.failed()) {
      pool_.Discard(std::move(connection_), /*abort=*/false);
      if (addresses_tried_ < request_.backend->runtime->address_count()) {
        OpenConnection();
      } else {
        Fail(FailureKind::kConnect, "connection refused or TLS handshake failed");
      }
      return;
    }
    if (!socket.connected()) return;
    OnConnected();
  } else if (sent_ < request_.head.size() + request_.body.size() && !send_failed_) {
    SendMore();
  }
  if (!paused_) ReadMore();
}

void Exchange::ReadMore() {
  const uint64_t generation = generation_;
  for (int reads = 0; reads < kReadsPerTurn; ++reads) {
    if (generation != generation_ || paused_ || (state_ != State::kHead && state_ != State::kBody))
      return;
    net::Socket& socket = connection_->socket();
    if (!socket.readable()) return;
    const net::IoResult result = socket.Read(loop_.scratch().data(), net::EventLoop::kScratchBytes);
    if (result.status == net::IoStatus::kWouldBlock) return;
    if (result.status != net::IoStatus::kOk) {
      if (OnEof())
        Fail(FailureKind::kClosed,
             result.status == net::IoStatus::kEof ? "connection closed" : "connection reset");
      return;
    }
    any_byte_ = true;
    if (!OnBytes(loop_.scratch().data(), result.bytes)) return;
  }
  loop_.Post([this, generation] {
    if (generation == generation_ && !paused_) ReadMore();
  });
}

bool Exchange::OnBytes(char* data, size_t size) {
  if (state_ == State::kHead) return TakeHead(data, size);
  ArmIdle();
  return TakeBody(nullptr, nullptr, {data, size});
}

bool Exchange::TakeHead(char* data, size_t size) {
  if (partial_size_ > 0) {
    // A head in pieces is rare: collect it, so that the views into it are in one place.
    if (partial_.capacity() < partial_size_ + size) {
      net::Buffer larger = loop_.buffers().Get(2 * (partial_size_ + size));
      std::memcpy(larger.data(), partial_.data(), partial_size_);
      partial_ = std::move(larger);
    }
    std::memcpy(partial_.data() + partial_size_, data, size);
    data = partial_.data();
    size = partial_size_ += size;
  }
  while (true) {
    const http::HeadScanner::Result scanned = scanner_.Scan({data, size}, kAnswerLimits);
    if (scanned == http::HeadScanner::Result::kNeedMore) break;
    if (scanned != http::HeadScanner::Result::kComplete) {
      Fail(FailureKind::kProtocol, "malformed or oversized response head");
      return false;
    }
    const char* base = data + scanner_.head_begin();
    const std::string_view head(base, scanner_.head_end() - scanner_.head_begin());
    if (const http::Fault* fault = http::ParseResponseHead(head, request_.to_head, &head_);
        fault != nullptr) {
      Fail(FailureKind::kProtocol, fault->message);
      return false;
    }
    data += scanner_.head_end();
    size -= scanner_.head_end();
    scanner_.Reset();
    if (head_.status >= 200) {
      state_ = State::kBody;
      body_left_ = head_.content_length;
      chunks_.Reset();
      ArmIdle();
      const net::Buffer keeps_the_head = std::move(partial_);
      partial_size_ = 0;
      return TakeBody(&head_, base, {data, size});
    }
    if (++interims_ > kMaxInterims) {
      Fail(FailureKind::kProtocol, "too many interim responses");
      return false;
    }
  }
  if (size > 0 &&
      (!partial_ || data < partial_.data() || data >= partial_.data() + partial_.capacity())) {
    partial_ = loop_.buffers().Get(size);
    std::memcpy(partial_.data(), data, size);
  } else if (size > 0) {
    std::memmove(partial_.data(), data, size);
  }
  partial_size_ = size;
  return true;
}

bool Exchange::TakeBody(const http::ResponseHead* head, const char* base, std::string_view bytes) {
  switch (head_.body) {
    case http::BodyKind::kNone:
      clean_ = bytes.empty();
      return Deliver(head, base, {}, /*end=*/true);
    case http::BodyKind::kChunked:
      return TakeChunked(head, base, bytes);
    case http::BodyKind::kUntilClose:
      if (head == nullptr && bytes.empty()) return true;
      return Deliver(head, base, absl::MakeConstSpan(&bytes, bytes.empty() ? 0 : 1), /*end=*/false);
    case http::BodyKind::kLength:
      break;
  }
  clean_ = bytes.size() <= body_left_;
  bytes = bytes.substr(0, body_left_);
  body_left_ -= bytes.size();
  return Deliver(head, base, absl::MakeConstSpan(&bytes, bytes.empty() ? 0 : 1),
                 /*end=*/body_left_ == 0);
}

bool Exchange::TakeChunked(const http::ResponseHead* head, const char* base,
                           std::string_view bytes) {
  std::array<std::string_view, kPiecesPerWrite> pieces;
  size_t count = 0;
  while (true) {
    const http::ChunkDecoder::Step step = chunks_.Next(bytes);
    bytes.remove_prefix(step.consumed);
    switch (step.event) {
      case http::ChunkDecoder::Event::kData:
        pieces[count++] = step.data;
        if (count < pieces.size()) break;
        if (!Deliver(head, base, {pieces.data(), count}, /*end=*/false)) return false;
        head = nullptr;
        count = 0;
        break;
      case http::ChunkDecoder::Event::kNeedMore:
        if (count == 0 && head == nullptr) return true;
        return Deliver(head, base, {pieces.data(), count}, /*end=*/false);
      case http::ChunkDecoder::Event::kDone:
        clean_ = bytes.empty();
        return Deliver(head, base, {pieces.data(), count}, /*end=*/true);
      case http::ChunkDecoder::Event::kBad:
      case http::ChunkDecoder::Event::kTooLarge:
        // What was well-formed still goes out; the client then learns that the stream is broken.
        if ((count > 0 || head != nullptr) &&
            !Deliver(head, base, {pieces.data(), count}, /*end=*/false))
          return false;
        Fail(FailureKind::kProtocol, "malformed chunked framing");
        return false;
    }
  }
}

// Returns true when the end came too early.
bool Exchange::OnEof() {
  if (state_ != State::kBody || head_.body != http::BodyKind::kUntilClose ||
      connection_->socket().reset())
    return true;
  clean_ = false;
  Deliver(nullptr, nullptr, {}, /*end=*/true);
  return false;
}

bool Exchange::Deliver(const http::ResponseHead* head, const char* base,
                       absl::Span<const std::string_view> payload, bool end) {
  const uint64_t generation = generation_;
  if (end) Complete();
  handler_.OnAnswer(head, base, payload, end);
  return !end && generation == generation_ && state_ == State::kBody;
}

void Exchange::Complete() {
  Timer::Cancel();
  state_ = State::kIdle;
  const bool all_sent = sent_ == request_.head.size() + request_.body.size();
  net::Socket& socket = connection_->socket();
  if (head_.keep_alive && clean_ && all_sent && !send_failed_ && !socket.peer_closed()) {
    pool_.PutIdle(std::move(connection_), request_.settings->backend_pool_idle);
  } else {
    pool_.Discard(std::move(connection_), /*abort=*/!all_sent);
  }
  request_.backend.reset();
}

void Exchange::Fail(FailureKind kind, std::string_view detail) {
  const Failure failure{.kind = kind,
                        .answer_begun = state_ == State::kBody,
                        .any_byte = any_byte_,
                        .reused = connection_ != nullptr && connection_->reused(),
                        .detail = detail};
  Cancel();
  handler_.OnFailure(failure);
}

void Exchange::Cancel() {
  if (state_ == State::kIdle) return;
  Timer::Cancel();
  state_ = State::kIdle;
  ++generation_;
  if (connection_ != nullptr) pool_.Discard(std::move(connection_), /*abort=*/true);
  request_.backend.reset();
  partial_.Reset();
  partial_size_ = 0;
}

void Exchange::PauseReading() {
  paused_ = true;
  Timer::Cancel();  // the client is slow, not the engine
}

void Exchange::ResumeReading() {
  if (!paused_) return;
  paused_ = false;
  if (state_ != State::kBody) return;
  ArmIdle();
  ReadMore();
}

void Exchange::ArmIdle() {
  if (const base::Duration limit = request_.route->idle_timeout; limit.count() > 0) {
    ArmAt(loop_.timers(), loop_.now() + limit);
  } else {
    Timer::Cancel();
  }
}

void Exchange::OnTimer() {
  switch (state_) {
    case State::kConnecting:
      Fail(FailureKind::kConnectTimeout, "connect timed out");
      break;
    case State::kHead:
      Fail(FailureKind::kFirstByteTimeout, "no response in time");
      break;
    case State::kBody:
      Fail(FailureKind::kIdleTimeout, "no data in time");
      break;
    case State::kIdle:
    case State::kStarting:
      break;
  }
}

}  // namespace vllm_router::upstream
