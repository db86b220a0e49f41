#include "server/http/head_scanner.h"

#include <endian.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace vllm_router::http {
namespace {

constexpr size_t kMaxSkippedBytes = 2 * 8;  // eight CRLFs

// The first byte at or behind `at` that may be CR, LF or NUL: one below 0x0E, rare but for line
// ends.
size_t NextSuspect(std::string_view bytes, size_t at) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  for (; at + sizeof(uint64_t) <= bytes.size(); at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    word = le64toh(word);
    // The high bit of each byte below 0x0E, exact up to the first one.
    const uint64_t hits = (word - kOnes * 0x0E) & ~word & (kOnes * 0x80);
    if (hits != 0) return at + static_cast<size_t>(std::countr_zero(hits)) / 8;
  }
  while (at < bytes.size() && static_cast<unsigned char>(bytes[at]) >= 0x0E) ++at;
  return at;
}

}  // namespace

HeadScanner::Result HeadScanner::Scan(std::string_view bytes, const HeadLimits& limits) {
  size_t at = scanned_;
  while ((at = NextSuspect(bytes, at)) < bytes.size()) {
    const char c = bytes[at];
    if (c != '\r' && c != '\n' && c != '\0') {
      ++at;
      continue;
    }
    if (Result result = CheckLimits(at, at + 1, limits); result != Result::kNeedMore) return result;
    if (c != '\r') return Result::kBadLineEnding;  // an LF with its CR is dealt with below
    if (at + 1 == bytes.size()) break;             // the CR is looked at again with what follows
    if (bytes[at + 1] != '\n') return Result::kBadLineEnding;
    if (Result result = EndLine(at, limits); result != Result::kNeedMore) return result;
    at += 2;
  }
  scanned_ = at;
  return CheckLimits(at, bytes.size(), limits);
}

HeadScanner::Result HeadScanner::CheckLimits(size_t line_end, size_t seen,
                                             const HeadLimits& limits) const {
  const size_t max_start_line = std::min(limits.max_start_line, limits.max_bytes);
  if (lines_ == 0 && line_end - begin_ > max_start_line) return Result::kStartLineTooLong;
  return seen - begin_ > limits.max_bytes ? Result::kTooLarge : Result::kNeedMore;
}

HeadScanner::Result HeadScanner::EndLine(size_t cr, const HeadLimits& limits) {
  const bool empty = cr == line_begin_;
  line_begin_ = cr + 2;
  if (empty && lines_ == 0) {
    begin_ = line_begin_;
    return begin_ > kMaxSkippedBytes ? Result::kBadLineEnding : Result::kNeedMore;
  }
  if (line_begin_ - begin_ > limits.max_bytes) return Result::kTooLarge;
  if (empty) {
    end_ = line_begin_;
    return Result::kComplete;
  }
  ++lines_;
  return lines_ - 1 > limits.max_fields ? Result::kTooManyFields : Result::kNeedMore;
}

}  // namespace vllm_router::http
