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

bool HoldsObject(const char* at, const char* end) {
  at = std::find_if_not(at, end, IsSpace);
  if (at == end || *at != ':') return false;
  at = std::find_if_not(at + 1, end, IsSpace);
  return at != end && *at == '{';
}

// Where the member's name ends if nothing but a colon follows it.
const char* EndOfNameAtEnd(std::string_view bytes) {
  const auto trim = [&bytes] {
    while (!bytes.empty() && IsSpace(bytes.back())) bytes.remove_suffix(1);
  };
  trim();
  if (!bytes.empty() && bytes.back() == ':') bytes.remove_suffix(1);
  trim();
  return bytes.ends_with(kMember) ? bytes.data() + bytes.size() : nullptr;
}

constexpr size_t kStep = 2 * sizeof(Block);
// What a step looks at last belongs to a member that begins in it.
static_assert(kMember.size() > 4 + 1);

bool StepMayHaveMember(const char* at) {
  return AnyOf(MayBeMember(at) | MayBeMember(at + sizeof(Block)));
}

bool IsMember(const char* at) {
  return at[1] == 'u' && std::memcmp(at, kMember.data(), kMember.size()) == 0;
}

// Where the first name of the member ends that begins in [at, last); nullptr: none does there.
const char* EndOfFirst(const char* at, const char* last) {
  for (; at < last; ++at) {
    if (IsMember(at)) return at + kMember.size();
  }
  return nullptr;
}

// The same for the last one that has an object.
const char* EndOfLast(const char* at, const char* last, const char* end) {
  while (last > at) {
    --last;
    if (IsMember(last) && HoldsObject(last + kMember.size(), end)) return last + kMember.size();
  }
  return nullptr;
}

// In whole steps, of which the last one begins within the one before it. [at, last) are the places
// where a name can begin that is whole.
const char* FindFirst(const char* at, const char* last) {
  if (last - at < static_cast<ptrdiff_t>(kStep)) return EndOfFirst(at, last);
  for (; at < last; at += kStep) {
    at = std::min(at, last - kStep);
    if (!StepMayHaveMember(at)) continue;
    if (const char* const found = EndOfFirst(at, at + kStep); found != nullptr) return found;
  }
  return nullptr;
}

const char* FindLast(const char* at, const char* last, const char* end) {
  if (last - at < static_cast<ptrdiff_t>(kStep)) {
    const char* const found = EndOfLast(at, last, end);
    return found == nullptr ? EndOfNameAtEnd({at, end}) : found;
  }
  for (; last > at; last -= kStep) {
    last = std::max(last, at + kStep);
    if (!StepMayHaveMember(last - kStep)) continue;
    const char* const found = EndOfLast(last - kStep, last, end);
    if (found != nullptr) return found;
  }
  return EndOfNameAtEnd({at, end});
}

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
  if (end - at >= static_cast<ptrdiff_t>(kMember.size())) {
    const char* const last = end - kMember.size() + 1;
    const char* const found = document_ ? FindLast(at, last, end) : FindFirst(at, last);
    if (found != nullptr) {
      state_ = State::kColon;
      return found;
    }
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
