#include "server/openai/usage_scanner.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace vllm_router::openai {
namespace {

constexpr std::string_view kMember = "\"usage\"";

constexpr ptrdiff_t kSafeDigits = std::numeric_limits<uint64_t>::digits10;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
// Between the names and values of an object.
bool IsSeparator(char c) { return c == ',' || c == ':' || IsSpace(c); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Sixteen bytes, compared at once wherever the processor can.
using Block = unsigned char __attribute__((vector_size(16)));

Block Load(const char* bytes) {
  Block block;
  std::memcpy(&block, bytes, sizeof(block));
  return block;
}

bool AnyOf(Block mask) {
  uint64_t halves[2];
  std::memcpy(halves, &mask, sizeof(mask));
  return (halves[0] | halves[1]) != 0;
}

// Where a 'u' and, three bytes on, a 'g' are: in no other name that an answer has, and in hardly a
// word of its text.
Block MayBeMember(const char* bytes) {
  static_assert(kMember[1] == 'u' && kMember[4] == 'g');
  return reinterpret_cast<Block>((Load(bytes + 1) == 'u') & (Load(bytes + 4) == 'g'));
}

// Where the member's name ends that begins in the next `places` bytes; nullptr: none does there.
const char* EndOfMember(const char* at, size_t places) {
  for (const char* const end = at + places; at < end; ++at) {
    if (at[1] == 'u' && std::memcmp(at, kMember.data(), kMember.size()) == 0) {
      return at + kMember.size();
    }
  }
  return nullptr;
}

// The same for all that is whole in [begin, end).
const char* EndOfMember(const char* begin, const char* end) {
  if (static_cast<size_t>(end - begin) < kMember.size()) return nullptr;
  size_t places = static_cast<size_t>(end - begin) - kMember.size() + 1;
  // What a step looks at last belongs to a member that begins in it.
  static_assert(kMember.size() > 4 + 1);
  constexpr size_t kStep = 2 * sizeof(Block);
  if (places < kStep) return EndOfMember(begin, places);
  while (places > 0) {
    // The last step begins within the one before it.
    if (places < kStep) begin -= kStep - std::exchange(places, kStep);
    if (AnyOf(MayBeMember(begin) | MayBeMember(begin + sizeof(Block)))) {
      if (const char* const found = EndOfMember(begin, kStep); found != nullptr) return found;
    }
    begin += kStep;
    places -= kStep;
  }
  return nullptr;
}

}  // namespace

void UsageScanner::Feed(std::string_view bytes) {
  const char* at = bytes.data();
  for (const char* const end = at + bytes.size(); at < end;) {
    at = state_ == State::kSearch ? Search(at, end) : Step(at, end);
  }
}

const char* UsageScanner::Search(const char* at, const char* end) {
  // The end of the name, when the last piece was cut inside of it.
  while (matched_ > 0 && at < end) {
    if (*at != kMember[matched_]) {
      matched_ = 0;
      break;
    }
    ++at;
    if (++matched_ == kMember.size()) {
      matched_ = 0;
      state_ = State::kColon;
      return at;
    }
  }
  if (at == end) return at;
  if (const char* const found = EndOfMember(at, end); found != nullptr) {
    state_ = State::kColon;
    return found;
  }
  // Its beginning, when this piece is cut there: from the last quote on.
  const std::string_view tail(end - std::min(static_cast<size_t>(end - at), kMember.size() - 1),
                              end);
  if (const size_t quote = tail.rfind('"'); quote != std::string_view::npos) {
    const std::string_view begun = tail.substr(quote);
    if (kMember.substr(0, begun.size()) == begun) matched_ = static_cast<uint8_t>(begun.size());
  }
  return end;
}

const char* UsageScanner::Step(const char* at, const char* end) {
  switch (state_) {
    case State::kColon:
      if (end - at >= 2 && at[0] == ':' && at[1] == '{') {
        EnterObject();
        return at + 2;
      }
      if (!IsSpace(*at)) state_ = *at == ':' ? State::kValue : State::kSearch;
      return at + 1;
    case State::kValue:
      if (IsSpace(*at)) return at + 1;
      // null, in all events of a stream but the last
      state_ = State::kSearch;
      if (*at == '{') EnterObject();
      return at + 1;
    case State::kNumber:
      return ReadNumber(at, end);
    case State::kObject:
      while (at < end && IsSeparator(*at)) ++at;
      if (at == end) return at;
      if (const char* const after = WholeMember(at, end); after != nullptr) return after;
      OnObject(*at);
      return at + 1;
    case State::kString:
    case State::kKey:
      return ReadString(at, end);
    case State::kEscape:
      state_ = string_;
      return at + 1;
    case State::kSearch:
      break;
  }
  return at;
}

void UsageScanner::EnterObject() {
  state_ = State::kObject;
  depth_ = 1;
  key_size_ = 0;
}

const char* UsageScanner::WholeMember(const char* at, const char* end) {
  if (*at != '"') return nullptr;
  const char* const key = at + 1;
  const auto* const quote = static_cast<const char*>(std::memchr(key, '"', end - key));
  if (quote == nullptr || end - quote < 3 || quote[1] != ':' || quote[-1] == '\\') return nullptr;
  uint64_t number = 0;
  const char* const digits = quote + 2;
  // As many digits as fit whatever they are.
  const char* const most = digits + std::min<ptrdiff_t>(end - digits, kSafeDigits);
  for (at = digits; at < most && IsDigit(*at); ++at) {
    number = number * 10 + static_cast<uint64_t>(*at - '0');
  }
  if (at == digits || at == most) return nullptr;
  if (depth_ == 1) SetNumber({key, static_cast<size_t>(quote - key)}, number);
  key_size_ = 0;
  return at;
}

const char* UsageScanner::ReadNumber(const char* at, const char* end) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max() / 10 - 1;
  for (; at < end && IsDigit(*at); ++at) {
    number_ = std::min(number_, kMost) * 10 + static_cast<uint64_t>(*at - '0');
  }
  if (at < end) {
    SetNumber({key_, key_size_}, number_);
    key_size_ = 0;  // digits behind a point are no number of their own
    state_ = State::kObject;
  }
  return at;
}

const char* UsageScanner::ReadString(const char* at, const char* end) {
  const char* const begin = at;
  const auto* const quote = static_cast<const char*>(std::memchr(at, '"', end - at));
  if (quote != nullptr && (quote == begin || quote[-1] != '\\')) {
    at = quote;
  } else {
    while (at < end && *at != '"' && *at != '\\') ++at;
  }
  if (state_ == State::kKey) KeepOfKey(begin, at);
  if (at == end) return at;
  if (*at == '"') {
    state_ = State::kObject;
  } else {
    string_ = state_;
    state_ = State::kEscape;
  }
  return at + 1;
}

void UsageScanner::KeepOfKey(const char* begin, const char* end) {
  const size_t kept = std::min(static_cast<size_t>(end - begin), kMaxKey - key_size_);
  std::memcpy(key_ + key_size_, begin, kept);
  key_size_ = static_cast<uint8_t>(key_size_ + kept);
}

void UsageScanner::OnObject(char c) {
  if (c == '"') {
    state_ = depth_ == 1 ? State::kKey : State::kString;
    if (depth_ == 1) key_size_ = 0;
  } else if (c == '{' || c == '[') {
    // As deep as nothing real is: what would not be counted right is not read at all.
    if (++depth_ == std::numeric_limits<uint8_t>::max()) state_ = State::kSearch;
  } else if (c == '}' || c == ']') {
    if (--depth_ == 0) state_ = State::kSearch;
  } else if (c == '-') {
    key_size_ = 0;
  } else if (IsDigit(c) && depth_ == 1) {
    number_ = static_cast<uint64_t>(c - '0');
    state_ = State::kNumber;
  }
}

void UsageScanner::SetNumber(std::string_view key, uint64_t number) {
  if (key == "prompt_tokens" || key == "input_tokens") input_ = number;
  if (key == "completion_tokens" || key == "output_tokens") output_ = number;
}

}  // namespace vllm_router::openai
