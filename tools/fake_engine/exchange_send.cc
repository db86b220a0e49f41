// Whole answers: rendering, framing, and the faults that spoil them.
#include <algorithm>

#include "tools/fake_engine/answer_head.h"
#include "tools/fake_engine/connection.h"
#include "tools/fake_engine/engine.h"
#include "tools/fake_engine/exchange.h"
#include "tools/fake_engine/plain_answers.h"

namespace vllm_router::fake_engine {
namespace {

constexpr size_t kSlowPieces = 8;

}  // namespace

void Exchange::SendWhole() {
  std::string& body = engine_.body_text;
  body.clear();
  std::string_view content_type = kJson;
  if (request_->endpoint->generates()) {
    DialectOf(job_.api).whole(job_, &body);
    tokens_sent_ = job_.tokens;
    engine_.ledger().TokensSent(job_.completion_tokens());
  } else {
    content_type = AppendPlainAnswer(job_, &body);
  }
  SendBody(200, content_type);
}

// Sends engine_.body_text.
void Exchange::SendBody(int status, std::string_view content_type, std::string_view extra) {
  std::string& body = engine_.body_text;
  const bool http10 = fault_.kind == FaultKind::kHttp10;
  const bool chunked =
      fault_.kind == FaultKind::kTruncatedChunk || fault_.kind == FaultKind::kBadChunk;
  AnswerHead head;
  head.status = status;
  head.http10 = http10;
  head.close = http10 || !request_->keep_alive;
  head.framing = http10 ? Framing::kUntilClose : chunked ? Framing::kChunked : Framing::kLength;
  head.length = body.size();
  if (request_->method == http::Method::kHead) body.clear();
  head.content_type = content_type;
  head.extra = extra;
  std::string& out = engine_.head_text;
  out.clear();
  AppendHead(head, engine_.Date(), &out);
  head_sent_ = true;
  record_.status = status;
  if (!fault_.none() && fault_.kind != FaultKind::kStatus) return SendBroken(out, body);
  connection_.Send(out, body);
  Finish(End::kKeepAlive, true);
}

void Exchange::SendBroken(std::string_view head, std::string_view body) {
  const std::string_view start = body.substr(0, std::min<uint64_t>(fault_.argument, body.size()));
  switch (fault_.kind) {
    case FaultKind::kHangMidStream:
      connection_.Send(head, start);
      return Finish(End::kHang, false);
    case FaultKind::kResetMidStream:
      connection_.Send(head, start);
      return Finish(End::kReset, false);
    case FaultKind::kCloseMidStream:
      connection_.Send(head, start);
      return Finish(End::kClose, false);
    case FaultKind::kShortBody:
      connection_.Send(head, body.substr(0, body.size() / 2));
      return Finish(End::kClose, false);
    case FaultKind::kTruncatedChunk:
    case FaultKind::kBadChunk: {
      std::string chunk(head);
      const bool truncated = fault_.kind == FaultKind::kTruncatedChunk;
      if (truncated || !start.empty()) {
        AppendHex(&chunk, truncated ? body.size() + 1 : start.size());
        Append(&chunk, "\r\n", start, truncated ? "" : "\r\n");
      }
      if (!truncated) Append(&chunk, "nonsense\r\n");
      connection_.Send(chunk);
      return Finish(truncated ? End::kClose : End::kHang, false);
    }
    case FaultKind::kSlowBody:
      connection_.Send(head);
      pieces_.assign(body);
      pieces_sent_ = 0;
      phase_ = Phase::kPieces;
      return SendNextPiece();
    case FaultKind::kGarbageAfterBody:
      connection_.Send(head, body);
      connection_.Send(kGarbageBytes);
      return Finish(End::kKeepAlive, true);
    case FaultKind::kHttp10:
      connection_.Send(head, body);
      return Finish(End::kClose, true);
    default:
      connection_.Send(head, body);
      return Finish(End::kKeepAlive, true);
  }
}

void Exchange::SendError(int status, std::string_view message, std::string_view param) {
  engine_.body_text =
      request_->endpoint->api == Api::kMessages || request_->endpoint->api == Api::kCountTokens
          ? AnthropicErrorBody(status, message)
          : ErrorBody(status, message, param);
  SendBody(status, kJson, status == 429 || status == 503 ? "retry-after: 1\r\n" : "");
}

void Exchange::StartCanned(CannedAnswer answer) {
  canned_ = std::move(answer);
  canned_sent_ = 0;
  phase_ = Phase::kPieces;
  if (canned_.pieces.empty()) return Finish(canned_.end, false);
  if (canned_.pieces.front().after == base::Duration(0)) return SendNextPiece();
  engine_.slots().WakeAt(this, base::Clock::Real().Now() + canned_.pieces.front().after);
}

void Exchange::SendNextPiece() {
  const base::TimePoint now = base::Clock::Real().Now();
  if (fault_.kind == FaultKind::kSlowBody) {
    const size_t size = std::min(pieces_.size() / kSlowPieces + 1, pieces_.size() - pieces_sent_);
    connection_.Send(std::string_view(pieces_).substr(pieces_sent_, size));
    pieces_sent_ += size;
    if (pieces_sent_ == pieces_.size()) return Finish(End::kKeepAlive, true);
    engine_.slots().WakeAt(this, now + std::chrono::milliseconds(fault_.argument));
    return;
  }
  do {
    head_sent_ = true;
    connection_.Send(canned_.pieces[canned_sent_++].bytes);
    if (canned_sent_ == canned_.pieces.size()) {
      return Finish(canned_.end, canned_.end == End::kKeepAlive || canned_.end == End::kClose);
    }
  } while (canned_.pieces[canned_sent_].after == base::Duration(0));
  engine_.slots().WakeAt(this, now + canned_.pieces[canned_sent_].after);
}

}  // namespace vllm_router::fake_engine
