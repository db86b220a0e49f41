// The keys that the engine reads of a JSON body, and what their values mean.
#include <optional>

#include "server/base/strings.h"
#include "simdjson.h"
#include "tools/fake_engine/json_scan.h"

namespace vllm_router::fake_engine {

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
  while (!value.empty() && IsSpace(value.back())) value.remove_suffix(1);
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

}  // namespace vllm_router::fake_engine
