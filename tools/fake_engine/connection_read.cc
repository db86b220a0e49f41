// How a connection takes requests out of the bytes that come.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "server/base/strings.h"
#include "tools/fake_engine/answer_head.h"
#include "tools/fake_engine/connection.h"
#include "tools/fake_engine/engine.h"

namespace vllm_router::fake_engine {
namespace {

constexpr http::HeadLimits kHeadLimits = {
    .max_bytes = 65536, .max_start_line = 65536, .max_fields = 500};
constexpr size_t kControlBody = 65536;  // what is kept of a body for /fake/control
constexpr uint64_t kDiscardAtOnce = 1u << 20;

}  // namespace

bool Connection::Step() {
  if (!unread_.empty()) {
    unread_spare_.clear();
    unread_spare_.swap(unread_);
    Consume(unread_spare_);
    return true;
  }
  if (!socket_.readable()) return false;
  if (state_ == State::kBody && large_.discardable() > 0) return DiscardStep();
  net::Buffer& scratch = engine_.loop().scratch();
  const net::IoResult read = socket_.Read(scratch.data(), scratch.capacity());
  switch (read.status) {
    case net::IoStatus::kOk:
      Consume({scratch.data(), read.bytes});
      return true;
    case net::IoStatus::kWouldBlock:
      return false;
    case net::IoStatus::kEof:
    case net::IoStatus::kError:
      PeerGone();
      return false;
  }
  return false;
}

bool Connection::DiscardStep() {
  const uint64_t wanted = std::min({large_.discardable(), body_remaining_, kDiscardAtOnce});
  const ssize_t dropped = ::recv(fd_, nullptr, wanted, MSG_TRUNC | MSG_DONTWAIT);
  if (dropped > 0) {
    large_.Discarded(static_cast<uint64_t>(dropped));
    body_remaining_ -= static_cast<uint64_t>(dropped);
    body_bytes_ += static_cast<uint64_t>(dropped);
    return true;
  }
  if (dropped < 0 && (errno == EAGAIN || errno == EINTR)) return errno == EINTR;
  PeerGone();
  return false;
}

void Connection::Consume(std::string_view bytes) {
  while (!bytes.empty() && socket_.open() && !busy()) {
    bytes.remove_prefix(state_ == State::kHead ? ConsumeHead(bytes) : ConsumeBody(bytes));
  }
  if (socket_.open()) unread_.append(bytes);
}

size_t Connection::ConsumeHead(std::string_view bytes) {
  std::string_view all = bytes;
  if (!partial_head_.empty()) all = partial_head_.append(bytes);
  switch (scanner_.Scan(all, kHeadLimits)) {
    case http::HeadScanner::Result::kNeedMore:
      if (partial_head_.empty()) partial_head_.assign(bytes);
      return bytes.size();
    case http::HeadScanner::Result::kComplete:
      break;
    default:
      RefuseBytes("Invalid HTTP request received.");
      return bytes.size();
  }
  const size_t begin = scanner_.head_begin();
  const size_t end = scanner_.head_end();
  const size_t consumed = bytes.size() - (all.size() - end);
  head_text_.assign(all.substr(begin, end - begin));
  partial_head_.clear();
  scanner_.Reset();
  if (http::ParseRequestHead(head_text_, &head_) != nullptr) {
    RefuseBytes("Invalid HTTP request received.");
    return bytes.size();
  }
  BeginRequest();
  return consumed;
}

void Connection::BeginRequest() {
  request_.Take(head_, head_text_.data());
  const bool fake = request_.endpoint != nullptr && request_.endpoint->is_fake();
  const bool counted = request_.endpoint == nullptr || request_.endpoint->is_counted();
  request_.id = counted ? engine_.NextRequestId() : 0;
  if (counted) engine_.ledger().RequestBegun();
  record_limit_ = fake ? kControlBody : engine_.options().record_body_bytes;
  body_bytes_ = 0;
  body_remaining_ = head_.content_length;
  scanning_ = Scanning::kNothing;
  if (head_.body == http::BodyKind::kNone ||
      (head_.body == http::BodyKind::kLength && body_remaining_ == 0)) {
    if (request_.endpoint != nullptr && request_.endpoint->asks_model())
      request_.own_facts.well_formed = false;
    return EndRequest();
  }
  state_ = State::kBody;
  chunks_.Reset();
  large_.Begin(false, 0);
  if (request_.endpoint != nullptr && request_.endpoint->asks_model()) {
    const http::Field* type = head_.Find(http::FieldId::kContentType);
    const std::string_view value =
        type == nullptr ? std::string_view() : type->value.In(head_text_.data());
    if (base::EqualsIgnoreCase(value.substr(0, 19), "multipart/form-data")) {
      scanning_ = Scanning::kMultipart;
      multipart_.Begin(value, &request_.own_facts);
    } else {
      scanning_ = Scanning::kJson;
      json_.Begin(&request_.own_facts);
      large_.Begin(engine_.options().discard_large_bodies && head_.body == http::BodyKind::kLength,
                   head_.content_length);
    }
  }
  if (head_.expect_continue) Send("HTTP/1.1 100 Continue\r\n\r\n");
}

size_t Connection::ConsumeBody(std::string_view bytes) {
  if (head_.body == http::BodyKind::kChunked) return ConsumeChunks(bytes);
  const auto take = static_cast<size_t>(std::min<uint64_t>(bytes.size(), body_remaining_));
  const std::string_view body = bytes.substr(0, take);
  const bool whole_json = scanning_ == Scanning::kJson && take == head_.content_length;
  if (whole_json) request_.known_facts = engine_.body_memo().Find(body);
  if (request_.known_facts != nullptr) scanning_ = Scanning::kNothing;
  BodyBytes(body);
  body_remaining_ -= take;
  if (body_remaining_ > 0) return take;
  if (whole_json && scanning_ == Scanning::kJson) {
    json_.Finish();
    engine_.body_memo().Note(body, request_.own_facts);
    scanning_ = Scanning::kNothing;
  }
  EndRequest();
  return take;
}

size_t Connection::ConsumeChunks(std::string_view bytes) {
  size_t consumed = 0;
  while (consumed < bytes.size()) {
    const http::ChunkDecoder::Step step = chunks_.Next(bytes.substr(consumed));
    consumed += step.consumed;
    if (step.event == http::ChunkDecoder::Event::kData) {
      BodyBytes(step.data);
    } else if (step.event == http::ChunkDecoder::Event::kDone) {
      EndRequest();
      break;
    } else if (step.event != http::ChunkDecoder::Event::kNeedMore) {
      RefuseBytes("Invalid HTTP request received.");
      return bytes.size();
    }
  }
  return consumed;
}

void Connection::BodyBytes(std::string_view bytes) {
  body_bytes_ += bytes.size();
  if (large_.active()) bytes = large_.Take(bytes);
  if (request_.body.size() < record_limit_) {
    request_.body.append(bytes.substr(0, record_limit_ - request_.body.size()));
  }
  if (scanning_ == Scanning::kJson) json_.Feed(bytes);
  if (scanning_ == Scanning::kMultipart) multipart_.Feed(bytes);
}

void Connection::EndRequest() {
  state_ = State::kHead;
  if (scanning_ == Scanning::kJson)
    large_.active() ? json_.FinishWithTail(large_.tail()) : json_.Finish();
  if (scanning_ == Scanning::kMultipart) multipart_.Finish();
  if (request_.id != 0) {
    engine_.ledger().RequestReceived(request_.id, id_, head_text_, &request_.body, body_bytes_,
                                     engine_.loop().now());
  } else if (!request_.endpoint->is_fake()) {
    engine_.ledger().Scraped();
  }
  exchange_.Begin(request_);
}

// What uvicorn says to bytes that are no request.
void Connection::RefuseBytes(std::string_view why) {
  if (state_ == State::kBody && request_.id != 0) engine_.ledger().Answered(false);
  std::string& out = engine_.head_text;
  out.clear();
  AppendHead({.status = 400, .close = true, .length = why.size(), .content_type = kPlainText},
             engine_.Date(), &out);
  Send(out, why);
  state_ = State::kHead;
  Close();
}

}  // namespace vllm_router::fake_engine
