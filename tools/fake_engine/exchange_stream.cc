// Streams: the head and what comes before the first token, tokens when they are due, the end, and
// faults in between.
#include <algorithm>
#include <utility>

#include "tools/fake_engine/answer_head.h"
#include "tools/fake_engine/connection.h"
#include "tools/fake_engine/engine.h"
#include "tools/fake_engine/exchange.h"

namespace vllm_router::fake_engine {
namespace {

// As much as a write of unpaced tokens collects, and as much as may wait for a slow client.
constexpr size_t kWriteBytes = 16u << 10;
constexpr size_t kMaxBacklog = 64u << 10;

uint64_t MonotonicNs() {
  return static_cast<uint64_t>(base::Clock::Real().Now().time_since_epoch().count());
}

}  // namespace

void Exchange::StartStream() {
  const bool http10 = fault_.kind == FaultKind::kHttp10;
  chunked_ = request_->http11 && !http10;
  AnswerHead head;
  head.http10 = http10;
  head.framing = chunked_ ? Framing::kChunked : Framing::kUntilClose;
  head.close = !chunked_ || !request_->keep_alive;
  head.content_type = kEventStream;
  std::string& out = engine_.head_text;
  out.clear();
  AppendHead(head, engine_.Date(), &out);
  const Dialect& dialect = DialectOf(job_.api);
  EventSink sink(&out, &engine_.body_text, chunked_);
  dialect.prologue(job_, &sink);
  dialect.token(job_, &template_);
  template_.End(job_.stamp, chunked_);
  phase_ = Phase::kStreaming;
  head_sent_ = is_stream_ = true;
  record_.status = 200;
  engine_.ledger().StreamOpened();
  engine_.ledger().QueueChanged(engine_.admission().running(), engine_.admission().waiting());
  SendDueTokens(&out);
}

void Exchange::ContinueStream() {
  engine_.head_text.clear();
  SendDueTokens(&engine_.head_text);
}

// Sends what `out` holds already, and the tokens.
void Exchange::SendDueTokens(std::string* out) {
  // The first token is what starts a stream: it is due whatever the turn's time says.
  const base::TimePoint now =
      tokens_sent_ > 0 ? engine_.loop().now() : std::max(engine_.loop().now(), next_due_);
  while (tokens_sent_ < job_.tokens && next_due_ <= now) {
    if (FaultStrikes(out)) return;
    AppendToken(out);
    next_due_ += itl_;
    if (out->size() < kWriteBytes) continue;
    SendContent(*out);
    out->clear();
    if (connection_.backlog_bytes() > kMaxBacklog) {
      blocked_ = true;
      break;
    }
  }
  if (tokens_sent_ == job_.tokens && !blocked_) return FaultStrikes(out) ? void() : EndStream(out);
  if (!out->empty()) SendContent(*out);
  blocked_ = blocked_ || connection_.backlog_bytes() > kMaxBacklog;
  if (!blocked_) engine_.slots().WakeAt(this, next_due_);
}

void Exchange::AppendToken(std::string* out) {
  for (uint32_t choice = 0; choice < job_.choices; ++choice) {
    out->append(
        template_.Fill(job_.Seed(choice), tokens_sent_, choice, job_.stamp ? MonotonicNs() : 0));
  }
  engine_.ledger().TokensSent(job_.choices);
  unsent_content_ += job_.choices;
  if (tokens_sent_++ == 0 && job_.padding > 0) template_.AppendPadded(job_.padding, out);
}

void Exchange::SendContent(std::string_view out) {
  const uint32_t events = std::exchange(unsent_content_, 0);
  if (recording_ && events > 0) {
    // Before the write: who reads it may be faster than this thread.
    record_.content_at.insert(record_.content_at.end(), events, base::Clock::Real().Now());
  }
  connection_.Send(out);
}

// True: the stream has been spoilt instead of going on.
bool Exchange::FaultStrikes(std::string* out) {
  if (tokens_sent_ < std::min<uint64_t>(fault_.argument, job_.tokens)) return false;
  End end = End::kClose;
  switch (fault_.kind) {
    case FaultKind::kHangMidStream:
      end = End::kHang;
      break;
    case FaultKind::kResetMidStream:
      end = End::kReset;
      break;
    case FaultKind::kCloseMidStream:
      break;
    case FaultKind::kTruncatedChunk: {
      const std::string_view chunk = template_.Fill(job_.Seed(0), tokens_sent_, 0, 0);
      out->append(chunk.substr(0, chunk.size() / 2));
      break;
    }
    case FaultKind::kBadChunk:
      out->append("nonsense\r\n");
      end = End::kHang;
      break;
    default:
      return false;
  }
  if (!out->empty()) SendContent(*out);
  Finish(end, false);
  return true;
}

void Exchange::EndStream(std::string* out) {
  EventSink sink(out, &engine_.body_text, chunked_);
  DialectOf(job_.api).epilogue(job_, &sink);
  const bool cut = fault_.kind == FaultKind::kShortBody;
  if (chunked_ && !cut) out->append("0\r\n\r\n");
  if (fault_.kind == FaultKind::kGarbageAfterBody) out->append(kGarbageBytes);
  SendContent(*out);
  Finish(chunked_ && !cut ? End::kKeepAlive : End::kClose, !cut);
}

}  // namespace vllm_router::fake_engine
