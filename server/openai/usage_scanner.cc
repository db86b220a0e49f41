#include "server/openai/usage_scanner.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "server/openai/usage_search.h"

namespace vllm_router::openai {
namespace {

constexpr ptrdiff_t kSafeDigits = std::numeric_limits<uint64_t>::digits10;

// Between the names and values of an object.
bool IsSeparator(char c) { return c == ',' || c == ':' || IsSpace(c); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Compares a number of bytes that the compiler knows.
template <size_t kSize>
bool Begins(const char* at, const char (&name)[kSize]) {
  return std::memcmp(at, name, kSize - 1) == 0;
}

// How many bytes the name at `at` has if it is one that answers of all kinds have; 0: it is not.
// There must be kLongest bytes.
constexpr ptrdiff_t kLongest = sizeof("completion_tokens\"");
ptrdiff_t SizeOfCommonName(const char* at) {
  switch (*at) {
    case 'p':
      return Begins(at, "prompt_tokens\"") ? 13 : 0;
    case 'c':
      return Begins(at, "completion_tokens\"") ? 17 : 0;
    case 't':
      return Begins(at, "total_tokens\"") ? 12 : 0;
    case 'i':
      return Begins(at, "input_tokens\"") ? 12 : 0;
    case 'o':
      return Begins(at, "output_tokens\"") ? 13 : 0;
    default:
      return 0;
  }
}

// The quote behind the name that begins at `at`; nullptr: it is not there, or the name has escapes.
const char* EndOfName(const char* at, const char* end) {
  if (end - at >= kLongest) {
    if (const ptrdiff_t size = SizeOfCommonName(at); size > 0) return at + size;
  }
  const auto* const quote = static_cast<const char*>(std::memchr(at, '"', end - at));
  return quote == nullptr || quote[-1] == '\\' ? nullptr : quote;
}

}  // namespace

void UsageScanner::Feed(std::string_view bytes) {
  const char* at = bytes.data();
  for (const char* const end = at + bytes.size(); at < end && state_ != State::kDone;) {
    at = state_ == State::kSearch ? Search(at, end) : Step(at, end);
  }
}

const char* UsageScanner::Search(const char* at, const char* end) {
  // The end of the name, when the last piece was cut inside of it.
  while (matched_ > 0 && at < end) {
    if (*at != kUsageMember[matched_]) {
      matched_ = 0;
      break;
    }
    ++at;
    if (++matched_ == kUsageMember.size()) {
      matched_ = 0;
      state_ = State::kColon;
      return at;
    }
  }
  if (at == end) return at;
  const char* const found = document_ ? FindLastUsage(at, end) : FindFirstUsage(at, end);
  if (found != nullptr) {
    state_ = State::kColon;
    return found;
  }
  // Its beginning, when this piece is cut there: from the last quote on.
  const std::string_view tail(
      end - std::min(static_cast<size_t>(end - at), kUsageMember.size() - 1), end);
  if (const size_t quote = tail.rfind('"'); quote != std::string_view::npos) {
    const std::string_view begun = tail.substr(quote);
    if (kUsageMember.substr(0, begun.size()) == begun)
      matched_ = static_cast<uint8_t>(begun.size());
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
      for (;;) {
        while (at < end && IsSeparator(*at)) ++at;
        if (at == end) return at;
        const char* const after = WholeMember(at, end);
        if (after == nullptr) break;
        if (state_ == State::kDone) return after;
        at = after;
      }
      OnObject(*at);
      return at + 1;
    case State::kString:
    case State::kKey:
      return ReadString(at, end);
    case State::kEscape:
      state_ = string_;
      return at + 1;
    case State::kSearch:
    case State::kDone:
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
  const char* const quote = EndOfName(key, end);
  if (quote == nullptr || end - quote < 3 || quote[1] != ':') return nullptr;
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
    state_ = State::kObject;
    SetNumber({key_, key_size_}, number_);
    key_size_ = 0;  // digits behind a point are no number of their own
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
  if (document_ && input_ && output_) state_ = State::kDone;
}

}  // namespace vllm_router::openai
