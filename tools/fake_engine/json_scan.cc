#include "tools/fake_engine/json_scan.h"

#include <algorithm>
#include <cstring>

namespace vllm_router::fake_engine {

void JsonScan::Begin(BodyFacts* facts) {
  facts_ = facts;
  depth_ = 0;
  in_string_ = odd_backslashes_ = done_ = broken_ = value_begun_ = role_next_ = false;
  string_length_ = 0;
  key_ = Key::kNone;
  span_ = nullptr;
  capture_.clear();
}

void JsonScan::Feed(std::string_view piece) {
  const char* p = piece.data();
  const char* const end = p + piece.size();
  span_ = value_begun_ ? p : nullptr;
  while (p < end && !broken_) {
    if (in_string_) {
      const char* const quote = SkipString(p, end);
      KeepString(p, quote == nullptr ? end : quote);
      if (quote == nullptr) break;
      in_string_ = false;
      EndString(quote);
      p = quote + 1;
      continue;
    }
    const char c = *p;
    switch (c) {
      case '"':
        Other(c, p);
        in_string_ = true;
        string_length_ = 0;
        break;
      case '{':
      case '[':
      case '}':
      case ']':
      case ':':
      case ',':
        Structural(c, p);
        break;
      case ' ':
      case '\n':
      case '\r':
      case '\t':
        break;
      default:
        Other(c, p);
    }
    ++p;
  }
  TakeSpan(end);
}

// The quote that ends the string, or nullptr if it lies beyond `end`.
const char* JsonScan::SkipString(const char* p, const char* end) {
  const auto backslashes_before = [&](const char* at) {
    size_t count = 0;
    while (at - count > p && at[-1 - static_cast<ptrdiff_t>(count)] == '\\') ++count;
    if (at - count == p && odd_backslashes_) ++count;
    return count;
  };
  const char* from = p;
  while (from < end) {
    const auto* quote =
        static_cast<const char*>(std::memchr(from, '"', static_cast<size_t>(end - from)));
    if (quote == nullptr) break;
    if (backslashes_before(quote) % 2 == 0) {
      odd_backslashes_ = false;
      return quote;
    }
    from = quote + 1;
  }
  odd_backslashes_ = backslashes_before(end) % 2 != 0;
  return nullptr;
}

void JsonScan::KeepString(const char* begin, const char* end) {
  if (depth_ == 0 || depth_ > 3) return;
  const auto length = static_cast<size_t>(end - begin);
  if (string_length_ < sizeof(string_)) {
    std::memcpy(string_ + string_length_, begin,
                std::min(length, sizeof(string_) - string_length_));
  }
  string_length_ += length;
}

void JsonScan::EndString(const char* end) {
  if (depth_ == 1 && value_begun_) return EndValue(end + 1);
  if (role_next_ && depth_ == 3) {
    facts_->answers_tool =
        std::string_view(string_, std::min(string_length_, sizeof(string_))) == "tool";
    role_next_ = false;
  }
}

void JsonScan::Structural(char c, const char* at) {
  switch (c) {
    case '{':
    case '[':
      Other(c, at);
      ++depth_;
      break;
    case '}':
    case ']':
      if (depth_ == 0) {
        broken_ = true;
        return;
      }
      if (depth_ == 1 && value_begun_) EndValue(at);  // a number or a word
      --depth_;
      if (depth_ == 1 && value_begun_) EndValue(at + 1);
      if (depth_ == 0) done_ = true;
      break;
    case ':': {
      const std::string_view name(string_, std::min(string_length_, sizeof(string_)));
      if (depth_ == 1 && key_ == Key::kNone && string_length_ <= sizeof(string_)) key_ = Look(name);
      if (depth_ == 1) BeginValue();
      if (depth_ == 3 && key_ == Key::kMessages) role_next_ = name == "role";
      break;
    }
    default:  // ','
      if (depth_ == 1) value_begun_ ? EndValue(at) : void(key_ = Key::kNone);
      if (depth_ == 2 && value_begun_) {
        if (ListFacts* list = List()) ++list->count;
      }
  }
}

// A byte that belongs to a value.
void JsonScan::Other(char c, const char* at) {
  if (depth_ == 0 && (c != '{' || done_)) broken_ = true;
  if (key_ == Key::kNone) return;
  if (depth_ == 1 && !value_begun_) {
    value_begun_ = true;
    span_ = at;
    if (ListFacts* list = List())
      *list = {.present = true, .count = c == '[' ? 0u : 1u, .first = c};
    return;
  }
  if (depth_ != 2) return;
  if (ListFacts* list = List(); list != nullptr && list->first == '[' && list->count == 0) {
    *list = {.present = true, .count = 1, .first = c};
  }
}

void JsonScan::BeginValue() {
  value_begun_ = false;
  capture_.clear();
}

void JsonScan::EndValue(const char* end) {
  TakeSpan(end);
  if (key_ < Key::kMessages) {
    Settle(capture_);
  }
  key_ = Key::kNone;
  value_begun_ = false;
  span_ = nullptr;
}

void JsonScan::TakeSpan(const char* end) {
  if (!value_begun_ || span_ == nullptr || end <= span_) return;
  const std::string_view bytes(span_, static_cast<size_t>(end - span_));
  span_ = end;
  if (key_ >= Key::kMessages) {
    facts_->prompt.Update(bytes);
  } else if (capture_.size() < kMaxCapture) {
    capture_.append(bytes.substr(0, kMaxCapture - capture_.size()));
  }
}

void JsonScan::FinishWithTail(std::string_view tail) {
  // Inside a string these bytes cannot occur: its quotes would be escaped.
  size_t at = std::string_view::npos;
  for (const std::string_view key : {",\"model\":", ",\"stream\":", ",\"max_tokens\":"}) {
    at = std::min(at, tail.find(key));
  }
  BodyFacts* const facts = facts_;
  if (at != std::string_view::npos) {
    Begin(facts);
    depth_ = 1;
    Feed(tail.substr(at));
  }
  facts->well_formed = true;
}

void JsonScan::Finish() { facts_->well_formed = done_ && !broken_ && depth_ == 0; }

}  // namespace vllm_router::fake_engine
