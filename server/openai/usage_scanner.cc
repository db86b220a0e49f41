#include "server/openai/usage_scanner.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace vllm_router::openai {
namespace {

constexpr std::string_view kMember = "\"usage\"";

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Where the member's name ends in `bytes` from `at` on; npos: it is not whole in there. By its 'g',
// which is rare, where its quotes are not.
size_t EndOfMember(std::string_view bytes, size_t at) {
  constexpr size_t kRare = 4;
  static_assert(kMember[kRare] == 'g');
  size_t rare = at + kRare;
  while ((rare = bytes.find('g', rare)) != std::string_view::npos) {
    const size_t begin = rare - kRare;
    if (bytes.compare(begin, kMember.size(), kMember) == 0) return begin + kMember.size();
    ++rare;
  }
  return std::string_view::npos;
}

}  // namespace

void UsageScanner::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    bytes.remove_prefix(state_ == State::kSearch ? Search(bytes) : Read(bytes));
  }
}

size_t UsageScanner::Search(std::string_view bytes) {
  // The end of the name, when the last piece was cut inside of it.
  size_t at = 0;
  while (matched_ > 0 && at < bytes.size()) {
    if (bytes[at] != kMember[matched_]) {
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
  if (at == bytes.size()) return at;
  if (const size_t end = EndOfMember(bytes, at); end != std::string_view::npos) {
    state_ = State::kColon;
    return end;
  }
  for (size_t size = std::min(kMember.size() - 1, bytes.size() - at); size > 0; --size) {
    if (bytes.substr(bytes.size() - size) != kMember.substr(0, size)) continue;
    matched_ = static_cast<uint8_t>(size);
    break;
  }
  return bytes.size();
}

size_t UsageScanner::Read(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (state_ == State::kKey || state_ == State::kString) {
      // Most of an object is names: up to their ends in one go.
      std::string_view text = bytes.substr(i, bytes.find('"', i) - i);
      text = text.substr(0, text.find('\\'));
      if (state_ == State::kKey) KeepOfKey(text);
      i += text.size();
      if (i == bytes.size()) break;
    }
    Step(bytes[i]);
    if (state_ == State::kSearch) return i + 1;
  }
  return bytes.size();
}

void UsageScanner::KeepOfKey(std::string_view bytes) {
  const size_t kept = std::min(bytes.size(), kMaxKey - key_size_);
  std::memcpy(key_ + key_size_, bytes.data(), kept);
  key_size_ = static_cast<uint8_t>(key_size_ + kept);
}

void UsageScanner::Step(char c) {
  switch (state_) {
    case State::kSearch:
      return;
    case State::kColon:
      if (!IsSpace(c)) state_ = c == ':' ? State::kValue : State::kSearch;
      return;
    case State::kValue:
      if (IsSpace(c)) return;
      // null, in all events of a stream but the last
      state_ = c == '{' ? State::kObject : State::kSearch;
      depth_ = 1;
      key_size_ = 0;
      return;
    case State::kNumber:
      if (IsDigit(c)) {
        constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max() / 10 - 1;
        number_ = std::min(number_, kMost) * 10 + static_cast<uint64_t>(c - '0');
        return;
      }
      EndNumber();
      state_ = State::kObject;
      return OnObject(c);
    case State::kObject:
      return OnObject(c);
    case State::kString:
    case State::kKey:
      if (c == '"') {
        state_ = State::kObject;
      } else {  // a backslash: Read takes all others
        string_ = state_;
        state_ = State::kEscape;
      }
      return;
    case State::kEscape:
      state_ = string_;
      return;
  }
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

void UsageScanner::EndNumber() {
  const std::string_view key(key_, key_size_);
  if (key == "prompt_tokens" || key == "input_tokens") input_ = number_;
  if (key == "completion_tokens" || key == "output_tokens") output_ = number_;
  key_size_ = 0;  // digits behind a point are no number of their own
}

}  // namespace vllm_router::openai
