// The reading half of Session: from bytes to a complete request.
#include <algorithm>
#include <cstring>
#include <utility>

#include "server/http/session.h"
#include "server/http/start_line_check.h"

namespace vllm_router::http {
namespace {

// A whole request above this size keeps the receive buffer that it came in, which is cheaper than
// copying it.
constexpr size_t kCopyBelow = 8192;

}  // namespace

void Session::ReadMore() {
  if (reading_) return;  // the loop below is on the stack and goes on by itself
  reading_ = true;
  while (ReadOnce()) {
  }
  reading_ = false;
}

bool Session::ReadOnce() {
  switch (state_) {
    case State::kIdle:
      if (leftover_size() > 0) {
        char* data = leftover_.data() + leftover_begin_;
        const size_t size = leftover_size();
        leftover_begin_ = leftover_end_;
        OnInput(data, size);
        return true;
      }
      leftover_.Reset();
      leftover_begin_ = leftover_end_ = 0;
      break;
    case State::kBody:
      if (head_.body == BodyKind::kLength) return ReadBodyInPlace();
      break;
    case State::kHead:
    case State::kLingering:
      break;
    case State::kProcessing:
    case State::kFlushing:
    case State::kClosed:
      return false;
  }
  if (!socket_.readable()) return false;
  const net::IoResult result = socket_.Read(loop_.scratch().data(), net::EventLoop::kScratchBytes);
  if (result.status == net::IoStatus::kWouldBlock) return false;
  if (result.status != net::IoStatus::kOk) {
    Close();
    return false;
  }
  if (state_ == State::kLingering) {
    lingered_ += result.bytes;
    if (lingered_ > kLingerBytesMax) Close();
    return true;
  }
  OnInput(loop_.scratch().data(), result.bytes);
  return true;
}

bool Session::ReadBodyInPlace() {
  if (!socket_.readable()) return false;
  const size_t end = body_offset_ + head_.content_length;
  const net::IoResult result = socket_.Read(storage_.data() + stored_, end - stored_);
  if (result.status == net::IoStatus::kWouldBlock) return false;
  if (result.status != net::IoStatus::kOk) {
    Close();
    return false;
  }
  stored_ += result.bytes;
  if (stored_ == end) {
    RequestComplete({});
  } else {
    Arm(limits_.body_timeout);
  }
  return true;
}

void Session::OnInput(char* data, size_t size) {
  if (state_ == State::kBody) {
    Arm(limits_.body_timeout);
    TakeChunkedBody({data, size});
    return;
  }
  if (state_ == State::kIdle) {
    state_ = State::kHead;
    request_began_ = loop_.now();
    limits_ = host_.Limits();
    unread_ = false;
    keep_alive_ = true;
    Arm(limits_.header_timeout);
  }
  TakeHead(data, size);
}

void Session::TakeHead(char* data, size_t size) {
  if (storage_) {
    AppendToStorage(data, size);
    data = storage_.data();
    size = stored_;
  }
  switch (scanner_.Scan({data, size}, limits_.head)) {
    case HeadScanner::Result::kComplete:
      OnHeadComplete(data, size);
      return;
    case HeadScanner::Result::kNeedMore:
      if (!StartLineMayBeHttp({data, size})) {
        BadRequest(400, "The request does not begin with an HTTP/1.1 request line.");
        return;
      }
      if (!storage_) AppendToStorage(data, size);
      return;
    case HeadScanner::Result::kBadLineEnding:
      BadRequest(400, "Header lines must end in CRLF and hold no NUL or lone CR.");
      return;
    case HeadScanner::Result::kStartLineTooLong:
      BadRequest(414, "The request target is too long.");
      return;
    case HeadScanner::Result::kTooLarge:
    case HeadScanner::Result::kTooManyFields:
      BadRequest(431, "The request's header has too many or too large fields.");
      return;
  }
}

void Session::AppendToStorage(const char* data, size_t size) {
  if (storage_.capacity() < stored_ + size) {
    net::Buffer larger = loop_.buffers().Get(std::max<size_t>(2 * stored_, stored_ + size));
    if (stored_ > 0) std::memcpy(larger.data(), storage_.data(), stored_);
    storage_ = std::move(larger);
  }
  std::memcpy(storage_.data() + stored_, data, size);
  stored_ += size;
}

void Session::OnHeadComplete(char* data, size_t size) {
  char* head = data + scanner_.head_begin();
  const size_t head_size = scanner_.head_end() - scanner_.head_begin();
  head_base_ = head;
  if (const Fault* fault = ParseRequestHead({head, head_size}, &head_); fault != nullptr) {
    head_base_ = nullptr;
    BadRequest(fault->status, fault->message);
    return;
  }
  keep_alive_ = head_.keep_alive;
  unread_ = head_.body != BodyKind::kNone;
  state_ = State::kProcessing;
  // The host may answer at once, and what stands behind this request is the next one then. (Behind
  // the head of a request with a body stands the body: refused unread, it ends the connection.)
  if (head_.body == BodyKind::kNone) {
    SaveLeftover({data + scanner_.head_end(), size - scanner_.head_end()});
  }
  if (!host_.OnHead(*this)) return;
  if (head_.body == BodyKind::kLength && head_.content_length > limits_.max_body_bytes) {
    BadRequest(413, "");
    return;
  }
  BeginBody(head, size - scanner_.head_begin());
}

void Session::BeginBody(char* head, size_t available) {
  const size_t head_size = scanner_.head_end() - scanner_.head_begin();
  const bool chunked = head_.body == BodyKind::kChunked;
  const size_t needed = head_size + (head_.body == BodyKind::kLength ? head_.content_length : 0);
  if (head_.expect_continue && available == head_size) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const iovec piece{const_cast<char*>(kContinue.data()), kContinue.size()};
    Write(&piece, 1);
  }
  state_ = State::kBody;
  if (chunked) {
    // The bytes behind the head move with it only if they are in storage_; both homes outlive this
    // call.
    const net::Buffer former = std::move(storage_);
    Keep(head, head_size, head_size);
    chunks_.Reset();
    body_size_ = 0;
    Arm(limits_.body_timeout);
    TakeChunkedBody({head + head_size, available - head_size});
    return;
  }
  if (head_.body == BodyKind::kLength && available > needed) {
    SaveLeftover({head + needed, available - needed});
  }
  Keep(head, needed, std::min(available, needed));
  body_offset_ = static_cast<size_t>(head_base_ - storage_.data()) + head_size;
  if (available >= needed) {
    RequestComplete({});
  } else {
    Arm(limits_.body_timeout);
  }
}

// Gives the request a home of `needed` bytes that lasts until its answer, `available` of them being
// at `head` now.
void Session::Keep(char* head, size_t needed, size_t available) {
  size_t offset = 0;
  if (storage_ && storage_.capacity() >= static_cast<size_t>(head - storage_.data()) + needed) {
    offset = static_cast<size_t>(head - storage_.data());
  } else if (InScratch(head) && available == needed && needed > kCopyBelow) {
    offset = static_cast<size_t>(head - loop_.scratch().data());
    storage_ = std::exchange(loop_.scratch(), loop_.buffers().Get(net::EventLoop::kScratchBytes));
  } else {
    net::Buffer home = loop_.buffers().Get(needed);
    std::memcpy(home.data(), head, available);
    storage_ = std::move(home);
  }
  stored_ = offset + available;
  head_base_ = storage_.data() + offset;
}

void Session::TakeChunkedBody(std::string_view bytes) {
  while (true) {
    const ChunkDecoder::Step step = chunks_.Next(bytes);
    bytes.remove_prefix(step.consumed);
    switch (step.event) {
      case ChunkDecoder::Event::kNeedMore:
        return;
      case ChunkDecoder::Event::kData:
        if (!AppendToChunkedBody(step.data)) {
          BadRequest(413, "");
          return;
        }
        break;
      case ChunkDecoder::Event::kDone:
        RequestComplete(bytes);
        return;
      case ChunkDecoder::Event::kBad:
        BadRequest(400, "The request's chunked body is malformed.");
        return;
      case ChunkDecoder::Event::kTooLarge:
        BadRequest(400, "The request's chunk extensions or trailers are too large.");
        return;
    }
  }
}

bool Session::AppendToChunkedBody(std::string_view data) {
  if (body_size_ + data.size() > limits_.max_body_bytes) return false;
  if (chunked_body_.capacity() < body_size_ + data.size()) {
    net::Buffer larger = loop_.buffers().Get(std::max(2 * body_size_, body_size_ + data.size()));
    if (body_size_ > 0) std::memcpy(larger.data(), chunked_body_.data(), body_size_);
    chunked_body_ = std::move(larger);
  }
  std::memcpy(chunked_body_.data() + body_size_, data.data(), data.size());
  body_size_ += data.size();
  return true;
}

void Session::RequestComplete(std::string_view rest) {
  SaveLeftover(rest);
  Timer::Cancel();
  state_ = State::kProcessing;
  unread_ = false;
  if (head_.body == BodyKind::kChunked) {
    body_ = chunked_body_.data();
  } else {
    body_ = storage_.data() + body_offset_;
    body_size_ = head_.body == BodyKind::kLength ? head_.content_length : 0;
  }
  host_.OnRequest(*this);
}

void Session::StopReading() {
  Timer::Cancel();
  state_ = State::kProcessing;
  unread_ = true;
  keep_alive_ = false;
}

void Session::BadRequest(int status, std::string_view message) {
  StopReading();
  host_.OnBadRequest(*this, status, message);
}

void Session::SaveLeftover(std::string_view bytes) {
  if (bytes.empty()) return;
  if (leftover_ && bytes.data() >= leftover_.data() &&
      bytes.data() < leftover_.data() + leftover_.capacity()) {
    leftover_begin_ = static_cast<size_t>(bytes.data() - leftover_.data());
    leftover_end_ = leftover_begin_ + bytes.size();
    return;
  }
  leftover_ = loop_.buffers().Get(bytes.size());
  std::memcpy(leftover_.data(), bytes.data(), bytes.size());
  leftover_begin_ = 0;
  leftover_end_ = bytes.size();
}

}  // namespace vllm_router::http
