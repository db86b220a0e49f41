#include "tools/fake_engine/json_scan.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "server/base/strings.h"
#include "simdjson.h"

namespace vllm_router::fake_engine {

enum class JsonScan::Key : uint8_t {
  kNone,
  kModel,
  kStream,
  kStreamOptions,
  kMaxTokens,
  kN,
  kTopN,
  kDimensions,
  kIgnoreEos,
  kEncodingFormat,
  kResponseFormat,
  kTools,
  kToolChoice,
  // From here on: prompt values, hashed and not captured.
  kMessages,
  kInput,
  kDocuments,
  kTokens,
  kOtherPrompt,
};

struct JsonScan::KnownKey {
  std::string_view name;
  Key key;
};

constexpr JsonScan::KnownKey JsonScan::kKnownKeys[] = {
    {"messages", Key::kMessages},
    {"model", Key::kModel},
    {"stream", Key::kStream},
    {"max_tokens", Key::kMaxTokens},
    {"prompt", Key::kInput},
    {"input", Key::kInput},
    {"n", Key::kN},
    {"stream_options", Key::kStreamOptions},
    {"max_completion_tokens", Key::kMaxTokens},
    {"max_output_tokens", Key::kMaxTokens},
    {"tools", Key::kTools},
    {"tool_choice", Key::kToolChoice},
    {"ignore_eos", Key::kIgnoreEos},
    {"encoding_format", Key::kEncodingFormat},
    {"response_format", Key::kResponseFormat},
    {"dimensions", Key::kDimensions},
    {"query", Key::kInput},
    {"queries", Key::kInput},
    {"text_1", Key::kInput},
    {"documents", Key::kDocuments},
    {"items", Key::kDocuments},
    {"text_2", Key::kDocuments},
    {"data_2", Key::kDocuments},
    {"top_n", Key::kTopN},
    {"tokens", Key::kTokens},
    {"system", Key::kOtherPrompt},
    {"instructions", Key::kOtherPrompt},
};

namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

bool IsTrue(std::string_view value) { return value == "true"; }

std::optional<uint64_t> Number(std::string_view value) { return base::ParseUint(value); }

std::string_view Unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') return {};
  return value.substr(1, value.size() - 2);
}

// The first string that belongs to `key` in a piece of JSON which may be cut off; without quotes,
// not decoded.
std::string_view FirstStringOf(std::string_view json, std::string_view key) {
  for (size_t at = json.find(key); at != std::string_view::npos; at = json.find(key, at + 1)) {
    size_t p = at + key.size();
    while (p < json.size() && IsSpace(json[p])) ++p;
    if (p >= json.size() || json[p] != ':') continue;
    ++p;
    while (p < json.size() && IsSpace(json[p])) ++p;
    if (p >= json.size() || json[p] != '"') continue;
    const size_t end = json.find('"', p + 1);
    if (end != std::string_view::npos) return json.substr(p + 1, end - p - 1);
  }
  return {};
}

// Whether `key` is followed by true.
bool HasTrue(std::string_view json, std::string_view key) {
  size_t p = json.find(key);
  if (p == std::string_view::npos) return false;
  for (p += key.size(); p < json.size() && (json[p] == ':' || IsSpace(json[p])); ++p) {
  }
  return json.substr(p, 4) == "true";
}

// A quoted JSON string without its escapes; nothing if it is none.
std::optional<std::string> Decoded(std::string_view quoted) {
  static thread_local simdjson::dom::parser parser;
  std::string_view text;
  if (parser.parse(quoted.data(), quoted.size()).get_string().get(text) != simdjson::SUCCESS)
    return std::nullopt;
  return std::string(text);
}

}  // namespace

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
    while (!capture_.empty() && IsSpace(capture_.back())) capture_.pop_back();
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

JsonScan::Key JsonScan::Look(std::string_view name) {
  for (const KnownKey& known : kKnownKeys) {
    if (known.name == name) return known.key;
  }
  return Key::kNone;
}

ListFacts* JsonScan::List() {
  switch (key_) {
    case Key::kMessages:
      return &facts_->messages;
    case Key::kInput:
      return &facts_->input;
    case Key::kDocuments:
      return &facts_->documents;
    case Key::kTokens:
      return &facts_->tokens;
    default:
      return nullptr;
  }
}

void JsonScan::Settle(std::string_view value) {
  BodyFacts& facts = *facts_;
  switch (key_) {
    case Key::kModel:
      facts.model_given = value != "null";
      facts.model_json = Unquoted(value);
      if (facts.model_json.find('\\') == std::string::npos) {
        facts.model = facts.model_json;
      } else {
        facts.model = Decoded(value).value_or("");
      }
      break;
    case Key::kStream:
      facts.stream = IsTrue(value);
      break;
    case Key::kStreamOptions:
      facts.include_usage = HasTrue(value, "\"include_usage\"");
      break;
    case Key::kMaxTokens:
      if (const auto number = Number(value)) facts.max_tokens = number;
      break;
    case Key::kN:
      facts.n = Number(value);
      break;
    case Key::kTopN:
      facts.top_n = Number(value);
      break;
    case Key::kDimensions:
      facts.dimensions = Number(value);
      break;
    case Key::kIgnoreEos:
      facts.ignore_eos = IsTrue(value);
      break;
    case Key::kEncodingFormat:
      facts.base64 = value == "\"base64\"";
      break;
    case Key::kResponseFormat:
      facts.response_format = Unquoted(value);
      break;
    case Key::kTools:
      facts.tool = FirstStringOf(value, "\"name\"");
      break;
    case Key::kToolChoice:
      facts.tool_choice_none = value == "\"none\"";
      break;
    default:
      break;
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
