#include "server/http/chunk_decoder.h"

#include <algorithm>
#include <limits>

#include "server/http/chars.h"

namespace vllm_router::http {
namespace {

constexpr uint8_t kMaxSizeDigits = 16;
constexpr uint64_t kMaxSize = std::numeric_limits<int64_t>::max();

// `c` is a hex digit.
uint64_t HexValue(char c) {
  return static_cast<uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

}  // namespace

ChunkDecoder::Step ChunkDecoder::Next(std::string_view input) {
  size_t at = 0;
  while (at < input.size() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const size_t length = std::min<uint64_t>(remaining_, input.size() - at);
      remaining_ -= length;
      if (remaining_ == 0) state_ = State::kDataCr;
      return {Event::kData, at + length, input.substr(at, length)};
    }
    const Event event = TakeFraming(input[at]);
    if (event != Event::kNeedMore) return {event, at, {}};
    ++at;
  }
  return {state_ == State::kDone ? Event::kDone : Event::kNeedMore, at, {}};
}

ChunkDecoder::Event ChunkDecoder::TakeFraming(char c) {
  const auto expect = [&](char wanted, State next) {
    if (c != wanted) return Event::kBad;
    state_ = next;
    return Event::kNeedMore;
  };
  switch (state_) {
    case State::kSize:
      return IsIn(kHexChar, c) ? TakeSizeDigit(c) : AfterSize(c);
    case State::kAfterSize:
    case State::kExtension:
      return AfterSize(c);
    case State::kSizeLf:
      return c == '\n' ? StartPayload() : Event::kBad;
    case State::kDataCr:
      return expect('\r', State::kDataLf);
    case State::kDataLf:
      return expect('\n', State::kSize);
    case State::kTrailerStart:
    case State::kTrailerName:
    case State::kTrailerValue:
    case State::kTrailerLf:
      return TakeTrailer(c);
    case State::kEndLf:
      return expect('\n', State::kDone);
    case State::kData:
    case State::kDone:
      break;
  }
  return Event::kBad;
}

ChunkDecoder::Event ChunkDecoder::TakeSizeDigit(char c) {
  if (digits_ == kMaxSizeDigits) return Event::kBad;
  ++digits_;
  // Sixteen digits fit 64 bits: nothing is shifted out before the bound is held.
  remaining_ = remaining_ << 4 | HexValue(c);
  return remaining_ > kMaxSize ? Event::kBad : Event::kNeedMore;
}

ChunkDecoder::Event ChunkDecoder::AfterSize(char c) {
  if (digits_ == 0) return Event::kBad;
  if (c == '\r' && state_ != State::kAfterSize) {
    state_ = State::kSizeLf;
    return Event::kNeedMore;
  }
  if (state_ != State::kExtension) {
    if (c == ';') {
      state_ = State::kExtension;
    } else if (c == ' ' || c == '\t') {
      state_ = State::kAfterSize;
    } else {
      return Event::kBad;
    }
  }
  if (!IsIn(kTextChar, c)) return Event::kBad;
  return ++extension_bytes_ > kMaxExtensionBytes ? Event::kTooLarge : Event::kNeedMore;
}

ChunkDecoder::Event ChunkDecoder::StartPayload() {
  digits_ = 0;
  state_ = remaining_ == 0 ? State::kTrailerStart : State::kData;
  return Event::kNeedMore;
}

ChunkDecoder::Event ChunkDecoder::TakeTrailer(char c) {
  if (state_ == State::kTrailerStart && c == '\r') {
    state_ = State::kEndLf;
    return Event::kNeedMore;
  }
  if (state_ == State::kTrailerLf) {
    if (c != '\n') return Event::kBad;
    state_ = State::kTrailerStart;
  } else if (state_ == State::kTrailerValue) {
    if (c == '\r') {
      state_ = State::kTrailerLf;
    } else if (!IsIn(kTextChar, c)) {
      return Event::kBad;
    }
  } else if (c == ':' && state_ == State::kTrailerName) {
    state_ = State::kTrailerValue;
  } else if (IsIn(kTokenChar, c)) {
    state_ = State::kTrailerName;
  } else {
    return Event::kBad;
  }
  return ++trailer_bytes_ > kMaxTrailerBytes ? Event::kTooLarge : Event::kNeedMore;
}

}  // namespace vllm_router::http
