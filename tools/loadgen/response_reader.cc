#include "tools/loadgen/response_reader.h"

namespace vllm_router::loadgen {

void ResponseReader::Reset() {
  scanner_.Reset();
  chunks_.Reset();
  partial_.clear();
  remaining_ = 0;
  started_ = in_body_ = false;
}

ResponseReader::Result ResponseReader::Feed(std::string_view bytes, ResponseSink& sink) {
  if (bytes.empty()) return Result::kMore;
  started_ = true;
  if (in_body_) return FeedBody(bytes, sink);
  if (partial_.empty()) return FeedHead(bytes, sink);
  std::string all = std::move(partial_);
  partial_.clear();
  all.append(bytes);
  return FeedHead(all, sink);
}

ResponseReader::Result ResponseReader::FeedHead(std::string_view bytes, ResponseSink& sink) {
  while (true) {
    switch (scanner_.Scan(bytes, http::HeadLimits())) {
      case http::HeadScanner::Result::kNeedMore:
        partial_.assign(bytes);
        return Result::kMore;
      case http::HeadScanner::Result::kComplete:
        break;
      default:
        return Result::kBad;
    }
    const size_t begin = scanner_.head_begin();
    const size_t end = scanner_.head_end();
    if (http::ParseResponseHead(bytes.substr(begin, end - begin), false, &head_) != nullptr) {
      return Result::kBad;
    }
    bytes.remove_prefix(end);
    scanner_.Reset();
    if (head_.status >= 200) break;
    if (bytes.empty()) return Result::kMore;
  }
  in_body_ = true;
  remaining_ = head_.body == http::BodyKind::kLength ? head_.content_length : 0;
  sink.OnHead(head_);
  return FeedBody(bytes, sink);
}

ResponseReader::Result ResponseReader::FeedBody(std::string_view bytes, ResponseSink& sink) {
  switch (head_.body) {
    case http::BodyKind::kNone:
      return bytes.empty() ? Result::kDone : Result::kBad;
    case http::BodyKind::kChunked:
      return FeedChunked(bytes, sink);
    case http::BodyKind::kUntilClose:
      if (!bytes.empty()) sink.OnPayload(bytes);
      return Result::kMore;
    case http::BodyKind::kLength:
      break;
  }
  if (bytes.size() > remaining_) return Result::kBad;
  if (!bytes.empty()) sink.OnPayload(bytes);
  remaining_ -= bytes.size();
  return remaining_ == 0 ? Result::kDone : Result::kMore;
}

ResponseReader::Result ResponseReader::FeedChunked(std::string_view bytes, ResponseSink& sink) {
  while (true) {
    const http::ChunkDecoder::Step step = chunks_.Next(bytes);
    bytes.remove_prefix(step.consumed);
    switch (step.event) {
      case http::ChunkDecoder::Event::kNeedMore:
        return Result::kMore;
      case http::ChunkDecoder::Event::kData:
        sink.OnPayload(step.data);
        break;
      case http::ChunkDecoder::Event::kDone:
        return bytes.empty() ? Result::kDone : Result::kBad;
      case http::ChunkDecoder::Event::kBad:
      case http::ChunkDecoder::Event::kTooLarge:
        return Result::kBad;
    }
  }
}

ResponseReader::Result ResponseReader::EndOfInput() const {
  return in_body_ && head_.body == http::BodyKind::kUntilClose ? Result::kDone : Result::kBad;
}

}  // namespace vllm_router::loadgen
