#include "server/base/line_text.h"

#include <charconv>

#include "server/base/strings.h"

namespace vllm_router::base {
namespace {

// "00" to "99": two digits for one division.
constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < pairs.size(); ++i) {
    pairs[i] = static_cast<char>('0' + (i % 2 == 0 ? i / 20 : i / 2 % 10));
  }
  return pairs;
}();

char* PutPair(char* at, uint64_t value) {
  std::memcpy(at, kPairs.data() + 2 * value, 2);
  return at + 2;
}

char* PutDigit(char* at, uint64_t value) {
  *at = static_cast<char>('0' + value);
  return at + 1;
}

constexpr size_t kMaxDigits = 20;

// Most numbers of a line are small.
char* PutNumber(char* at, uint64_t value) {
  if (value < 10) return PutDigit(at, value);
  if (value < 100) return PutPair(at, value);
  if (value < 1000) return PutPair(PutDigit(at, value / 100), value % 100);
  return std::to_chars(at, at + kMaxDigits, value).ptr;
}

}  // namespace

void LineText::AddShown(std::string_view value, size_t limit) {
  if (value.size() <= limit && (escapes_ == Escapes::kNone || IsPlain(value))) return Add(value);
  Flush();
  (escapes_ == Escapes::kJson ? AppendJsonEscaped : AppendPrintable)(value, limit, out_);
}

void LineText::AddNumber(uint64_t value) { end_ = PutNumber(end_, value); }

void LineText::AddMilliseconds(int64_t ns) {
  const uint64_t us = ns > 0 ? static_cast<uint64_t>(ns) / 1000 : 0;
  AddNumber(us / 1000);
  AddByte('.');
  AddThreeDigits(us % 1000);
}

void LineText::AddThreeDigits(uint64_t value) {
  end_ = PutPair(PutDigit(end_, value / 100), value % 100);
}

void LineText::AddLong(std::string_view text) {
  Flush();
  out_->append(text);
}

}  // namespace vllm_router::base
