#include "server/openai/request_view.h"

#include <algorithm>
#include <bit>

#include "server/base/strings.h"
#include "server/openai/model_name.h"
#include "simdjson.h"

namespace vllm_router::openai {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(RequestViewParser::kPadding == simdjson::SIMDJSON_PADDING);

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kWhiteSpace = " \t\r\n";
constexpr size_t kFirstCapacity = 64 << 10;
constexpr size_t kKeptCapacity = 1 << 20;
// Smaller bodies in a row after which the buffers of a large one are given back: often enough to
// bound memory, seldom enough that a stream of large bodies does not map and unmap pages for each.
constexpr int kSmallBodiesBeforeShrinking = 64;

// A top-level value, as far as anybody here cares.
struct Scalar {
  enum Kind { kAbsent, kString, kNumber, kTrue, kFalse, kNull, kOther };
  Kind kind = kAbsent;
  std::string_view token;  // as in the body, without white space around it
  std::string_view text;   // of a string: unescaped
};

Scalar::Kind KindOf(std::string_view token) {
  if (token.empty()) return Scalar::kOther;
  if (token[0] == '"') return Scalar::kString;
  if (token == "true") return Scalar::kTrue;
  if (token == "false") return Scalar::kFalse;
  if (token == "null") return Scalar::kNull;
  const bool begins_number = token[0] == '-' || (token[0] >= '0' && token[0] <= '9');
  const bool is_number = token.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
  return begins_number && is_number ? Scalar::kNumber : Scalar::kOther;
}

// False: a string that cannot be unescaped. Nothing is consumed: simdjson skips the value
// afterwards.
bool ReadScalar(ondemand::value& value, Scalar* out) {
  const std::string_view token = value.raw_json_token();
  out->token = token.substr(0, token.find_last_not_of(kWhiteSpace) + 1);
  out->kind = KindOf(out->token);
  out->text = {};
  if (out->kind != Scalar::kString) return true;
  // What follows the closing quote up to the next token is white space, so the literal ends where
  // the token does.
  if (out->token.size() < 2 || out->token.back() != '"') return false;
  out->text = out->token.substr(1, out->token.size() - 2);
  if (out->text.find('\\') == std::string_view::npos) return true;
  return value.get_string().get(out->text) == simdjson::SUCCESS;
}

// Compares a key, from behind its opening quote, with `name`, without unescaping it: most keys are
// not of interest, and few have escapes. Reads no further than the closing quote.
enum class KeyMatch { kNo, kYes, kEscaped };
KeyMatch MatchKey(const char* key, std::string_view name) {
  for (size_t i = 0;; ++i) {
    if (key[i] == '"') return i == name.size() ? KeyMatch::kYes : KeyMatch::kNo;
    if (key[i] == '\\') return KeyMatch::kEscaped;
    if (i == name.size() || key[i] != name[i]) return KeyMatch::kNo;
  }
}

// The first byte of a key settles most cases: the key of ours that it can be begins like it, or
// with an escape.
bool MayMatter(char first, std::string_view session_key) {
  return first == 'm' || first == 's' || first == '\\' ||
         (!session_key.empty() && first == session_key[0]);
}

// simdjson would skip a bracket or a comma as if it were a value.
bool IsValueStart(char first) {
  return first != '}' && first != ']' && first != ',' && first != ':';
}

// What a key is to us: a set of these bits. One key may be the model and the session at once.
constexpr unsigned kModelKey = 1;
constexpr unsigned kStreamKey = 2;
constexpr unsigned kSessionKey = 4;
constexpr unsigned kBrokenKey = 8;  // has to be unescaped, and cannot be

unsigned RolesOf(ondemand::field& field, std::string_view session_key) {
  const char* raw = field.key().raw();
  const KeyMatch model = MatchKey(raw, "model");
  const KeyMatch stream = MatchKey(raw, "stream");
  const KeyMatch session = session_key.empty() ? KeyMatch::kNo : MatchKey(raw, session_key);
  if (model == KeyMatch::kEscaped || stream == KeyMatch::kEscaped ||
      session == KeyMatch::kEscaped) {
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) return kBrokenKey;
    const bool is_session = !session_key.empty() && key == session_key;
    return (key == "model" ? kModelKey : 0) | (key == "stream" ? kStreamKey : 0) |
           (is_session ? kSessionKey : 0);
  }
  return (model == KeyMatch::kYes ? kModelKey : 0) | (stream == KeyMatch::kYes ? kStreamKey : 0) |
         (session == KeyMatch::kYes ? kSessionKey : 0);
}

// str() of the value in the original, which is what it hashes.
std::optional<std::string_view> SessionText(const Scalar& value) {
  switch (value.kind) {
    case Scalar::kString:
      return value.text;
    case Scalar::kNumber:
      return value.token;
    case Scalar::kTrue:
      return "True";
    case Scalar::kFalse:
      return "False";
    default:
      return std::nullopt;
  }
}

// The error for a document that is no object, judged by how it begins: an array that is broken
// inside is called an array.
const RequestError* NoObject(std::string_view json) {
  json.remove_prefix(std::min(json.find_first_not_of(kWhiteSpace), json.size()));
  const std::string_view token = json.substr(0, json.find_last_not_of(kWhiteSpace) + 1);
  const bool is_value = token.starts_with('[') || KindOf(token) != Scalar::kOther;
  return is_value ? &errors::kNotAnObject : &errors::kInvalidJson;
}

const RequestError* CheckModel(const Scalar& model) {
  switch (model.kind) {
    case Scalar::kAbsent:
    case Scalar::kNull:
      return &errors::kMissingModel;
    case Scalar::kString:
      return CheckModelName(model.text);
    default:
      return &errors::kModelNotAString;
  }
}

}  // namespace

class RequestViewParser::Impl {
 public:
  const RequestError* Parse(std::string_view body, size_t padding, std::string_view session_key,
                            RequestView* out) {
    if (body.empty()) return &errors::kMissingModel;  // the original's answer
    const size_t mark = body.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    if (!Reserve(body.size())) return &errors::kInternal;
    const std::string_view json = Padded(body, padding).substr(mark);

    model_.kind = stream_.kind = session_.kind = Scalar::kAbsent;
    if (const RequestError* error = ReadObject(json, session_key)) return error;
    out->stream = stream_.kind == Scalar::kTrue;
    out->session_id = SessionText(session_);
    if (const RequestError* error = CheckModel(model_)) return error;
    out->model = model_.text;
    out->model_value_offset = mark + static_cast<size_t>(model_.token.data() - json.data());
    out->model_value_length = model_.token.size();
    return nullptr;
  }

 private:
  // Buffers for a body of that size: powers of two, so that slowly growing bodies do not reallocate
  // each time.
  bool Reserve(size_t size) {
    const bool is_large = parser_.capacity() > kKeptCapacity;
    small_bodies_ = is_large && size <= kKeptCapacity ? small_bodies_ + 1 : 0;
    const bool shrinks = small_bodies_ >= kSmallBodiesBeforeShrinking;
    if (size <= parser_.capacity() && !shrinks) return true;
    if (shrinks) copy_ = std::string();
    return parser_.allocate(std::bit_ceil(std::max(size, kFirstCapacity))) == simdjson::SUCCESS;
  }

  std::string_view Padded(std::string_view body, size_t padding) {
    if (padding >= kPadding) return body;
    copy_.reserve(body.size() + kPadding);
    copy_.assign(body);
    copy_.append(kPadding, ' ');
    return std::string_view(copy_).substr(0, body.size());
  }

  const RequestError* ReadObject(std::string_view json, std::string_view session_key) {
    ondemand::document document;
    if (parser_.iterate(json, json.size() + kPadding).get(document) != simdjson::SUCCESS) {
      return &errors::kInvalidJson;
    }
    ondemand::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) return NoObject(json);
    for (auto result : object) {
      if (result.error() != simdjson::SUCCESS) return &errors::kInvalidJson;
      ondemand::field& field = result.value_unsafe();
      const char first = field.value().raw_json_token()[0];
      if (!IsValueStart(first)) return &errors::kInvalidJson;
      if (MayMatter(field.key().raw()[0], session_key)) {
        if (const RequestError* error = ReadField(field, session_key)) return error;
      }
      // Left to itself, simdjson would skip a string before a colon as if it were a key of some
      // object.
      if (first == '"' && field.value().get_raw_json_string().error() != simdjson::SUCCESS) {
        return &errors::kInvalidJson;
      }
    }
    // The object's end must be the document's: the one state in which there is no current location.
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS ? nullptr
                                                                          : &errors::kInvalidJson;
  }

  const RequestError* ReadField(ondemand::field& field, std::string_view session_key) {
    const unsigned roles = RolesOf(field, session_key);
    if (roles == 0) return nullptr;
    if (roles & kBrokenKey) return &errors::kInvalidJson;
    if ((roles & kModelKey) && model_.kind != Scalar::kAbsent) return &errors::kDuplicateModel;
    if ((roles & kStreamKey) && stream_.kind != Scalar::kAbsent) return &errors::kDuplicateStream;

    Scalar value;
    if (!ReadScalar(field.value(), &value)) return &errors::kInvalidJson;
    if (roles & kModelKey) model_ = value;
    if (roles & kStreamKey) stream_ = value;
    if (roles & kSessionKey) session_ = value;
    return nullptr;
  }

  ondemand::parser parser_;
  std::string copy_;  // of a body that came without padding
  int small_bodies_ = 0;

  // Of the body being parsed.
  Scalar model_;
  Scalar stream_;
  Scalar session_;
};

RequestViewParser::RequestViewParser() : impl_(std::make_unique<Impl>()) {}
RequestViewParser::~RequestViewParser() = default;

const RequestError* RequestViewParser::Parse(std::string_view body, size_t padding_available,
                                             std::string_view session_key, RequestView* out) {
  return impl_->Parse(body, padding_available, session_key, out);
}

std::string SpliceModel(std::string_view body, const RequestView& view,
                        std::string_view new_model) {
  const std::string escaped = base::JsonEscape(new_model);
  const std::string_view rest = body.substr(view.model_value_offset + view.model_value_length);
  std::string out;
  out.reserve(body.size() - view.model_value_length + escaped.size() + 2);
  out.append(body.substr(0, view.model_value_offset));
  out.append(1, '"').append(escaped).append(1, '"');
  out.append(rest);
  return out;
}

}  // namespace vllm_router::openai
