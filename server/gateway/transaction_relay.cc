// The answer of a Transaction on its way to the client: payload goes out from the receive buffer
// under our own framing, one gather write for each read.
#include <array>
#include <charconv>
#include <utility>

#include "server/gateway/shard_gateway.h"
#include "server/gateway/transaction.h"

namespace vllm_router::gateway {
namespace {

constexpr std::string_view kCrlf = "\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

iovec Piece(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

}  // namespace

void Transaction::OnAnswer(const http::ResponseHead* head, const char* base,
                           absl::Span<const std::string_view> payload, bool end) {
  const bool decoded_before = head == nullptr && stats_.decoding();
  if (head != nullptr) {
    if (!route().retryable_status_codes.empty() && RetryStatus(head->status)) return;
    lease_.backend()->runtime->OnAnswered();
    if (std::exchange(holds_retry_, false)) gateway_.ReleaseRetry();
    Enter(Phase::kRelay);
    status_ = head->status;
    head_at_ = gateway_.loop().now();
    stats_.OnHead(*head);
    if (session_ != nullptr) BeginAnswer(*head, base);
  }
  stats_.OnPayload(payload, gateway_.loop().now());
  if (stats_.decoding() != decoded_before) content_at_ = gateway_.loop().now();
  if (hooks_ != nullptr) hooks_->OnAnswer(payload);
  if (session_ != nullptr) {
    if (stats_.decoding() != decoded_before) phase_since_ = gateway_.loop().now();
    if (event_stream_) {
      for (const std::string_view piece : payload) sse_.Feed(piece);
    }
    WriteToClient(payload, head != nullptr, end);
  }
  if (!end) {
    // One more read may come in before the pause: leave room for it, so that the bound holds.
    const size_t limit = snapshot_->settings.stream_buffer_bytes;
    const size_t pause_at = limit > 2 * net::EventLoop::kScratchBytes
                                ? limit - net::EventLoop::kScratchBytes
                                : limit / 2;
    if (session_ != nullptr && session_->pending() > pause_at) {
      gateway_.stats().slow_client_pauses.Add();
      stats_.set_blocked(true);
      exchange_.PauseReading();
    }
    return;
  }
  gateway_.stats().answers_by_class[static_cast<size_t>(status_) / 100].Add();
  if (session_ == nullptr) {
    Finish(Outcome::kClientGone);
    return;
  }
  http::Session& session = *std::exchange(session_, nullptr);
  session.context = nullptr;
  Finish(Outcome::kAnswered);
  session.FinishAnswer();
}

void Transaction::BeginAnswer(const http::ResponseHead& head, const char* base) {
  sent_status_ = head.status;
  const bool old_client = session_->head().version_minor == 0;
  switch (head.body) {
    case http::BodyKind::kNone:
      framing_ = AnswerFraming::kNone;
      break;
    case http::BodyKind::kLength:
      framing_ = AnswerFraming::kLength;
      break;
    case http::BodyKind::kChunked:
    case http::BodyKind::kUntilClose:
      framing_ = old_client ? AnswerFraming::kUntilClose : AnswerFraming::kChunked;
      break;
  }
  if (framing_ == AnswerFraming::kUntilClose) session_->set_keep_alive(false);
  const bool plain = head.Find(http::FieldId::kContentEncoding) == nullptr;
  event_stream_ = head.event_stream && plain &&
                  (framing_ == AnswerFraming::kChunked || framing_ == AnswerFraming::kUntilClose);
  sse_ = http::SseTail();
  BuildAnswerHead({.head = &head,
                   .base = base,
                   .backend = lease_.backend(),
                   .request_id = request_id_,
                   .date = gateway_.date(),
                   .framing = framing_,
                   .keep_alive = session_->keep_alive(),
                   .http10 = old_client},
                  &gateway_.head_memory());
  if (hooks_ != nullptr) answer_head_ = gateway_.head_memory();
}

void Transaction::WriteToClient(absl::Span<const std::string_view> payload, bool with_head,
                                bool end) {
  std::array<iovec, 72> pieces;
  int count = 0;
  if (with_head) {
    pieces[count++] = Piece(gateway_.head_memory());
    // From here on no other attempt is made: the request's memory can go, and with it most of what
    // a stream holds.
    session_->ReleaseRequest();
    alias_body_.clear();
    alias_body_.shrink_to_fit();
    edited_.reset();
  }
  size_t bytes = 0;
  for (const std::string_view piece : payload) bytes += piece.size();
  answer_body_bytes_ += bytes;
  std::array<char, 18> size_line;
  if (bytes > 0 && framing_ == AnswerFraming::kChunked) {
    char* end_of_size = std::to_chars(size_line.data(), size_line.data() + 16, bytes, 16).ptr;
    *end_of_size++ = '\r';
    *end_of_size++ = '\n';
    pieces[count++] = {size_line.data(), static_cast<size_t>(end_of_size - size_line.data())};
  }
  for (const std::string_view piece : payload) pieces[count++] = Piece(piece);
  if (framing_ == AnswerFraming::kChunked) {
    if (bytes > 0) pieces[count++] = Piece(kCrlf);
    if (end) pieces[count++] = Piece(kLastChunk);
  }
  for (int i = 0; i < count; ++i) answer_bytes_ += pieces[i].iov_len;
  if (count > 0) session_->Write(pieces.data(), count);
}

// The engine failed, or the router ends, after the answer had begun. An event stream is ended with
// an error event, so that SDKs raise it; anything else is cut, so that nobody takes it for
// complete.
void Transaction::BreakOff(std::string_view event) {
  if (session_ == nullptr) {
    Finish(Outcome::kClientGone);
    return;
  }
  if (event_stream_) {
    const std::array<std::string_view, 2> payload = {sse_.SeparatorBeforeEvent(), event};
    WriteToClient(payload, /*with_head=*/false, /*end=*/true);
  }
  http::Session& session = *std::exchange(session_, nullptr);
  session.context = nullptr;
  const bool ended = event_stream_;
  Finish(Outcome::kCut);
  if (ended) {
    session.FinishAnswer();
  } else {
    session.CutAnswer();
  }
}

}  // namespace vllm_router::gateway
