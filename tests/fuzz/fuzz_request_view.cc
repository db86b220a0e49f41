// The request view against a strict reference reader, and against itself with other bytes behind
// the body. The input's first byte chooses the session key.
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/openai/model_name.h"
#include "server/openai/request_view.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/reference_json.h"

namespace vllm_router::openai {
namespace {

constexpr size_t kPadding = RequestViewParser::kPadding;
constexpr std::string_view kSessionKeys[] = {"", "user", "model", "stream", "x\"y", "m"};

// A body in memory of its own, with exactly the padding that may be read.
class PaddedBody {
 public:
  PaddedBody(std::string_view text, char fill)
      : size_(text.size()), bytes_(new char[text.size() + kPadding]) {
    if (!text.empty()) std::memcpy(bytes_.get(), text.data(), text.size());
    std::memset(bytes_.get() + size_, fill, kPadding);
  }
  std::string_view body() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

struct Outcome {
  const RequestError* error = nullptr;
  std::string model;
  size_t offset = 0;
  size_t length = 0;
  bool stream = false;
  std::optional<std::string> session_id;
  bool operator==(const Outcome&) const = default;
};

Outcome Parse(RequestViewParser& parser, std::string_view text, char fill,
              std::string_view session_key) {
  const PaddedBody body(text, fill);
  RequestView view;
  Outcome out;
  out.error = parser.Parse(body.body(), kPadding, session_key, &view);
  if (out.error != nullptr) return out;
  out.model = view.model;
  out.offset = view.model_value_offset;
  out.length = view.model_value_length;
  out.stream = view.stream;
  if (view.session_id) out.session_id = std::string(*view.session_id);
  return out;
}

Outcome Refused(const RequestError* error) {
  Outcome out;
  out.error = error;
  return out;
}

// What the rules make of a strictly valid object.
Outcome Expected(const ReferenceJson& json, std::string_view session_key) {
  Outcome out;
  const ReferenceMember* model = nullptr;
  const ReferenceMember* stream = nullptr;
  for (const ReferenceMember& member : json.members()) {
    if (member.key == "model") {
      if (model != nullptr) return Refused(&errors::kDuplicateModel);
      model = &member;
    }
    if (member.key == "stream") {
      if (stream != nullptr) return Refused(&errors::kDuplicateStream);
      stream = &member;
    }
    if (member.key == session_key && !session_key.empty()) {
      const char first = member.token[0];
      out.session_id = member.token;
      if (first == '"') out.session_id = member.text;
      if (first == 't') out.session_id = "True";
      if (first == 'f') out.session_id = "False";
      if (first == 'n' || first == '[' || first == '{') out.session_id = std::nullopt;
    }
  }
  if (model == nullptr || model->token == "null") return Refused(&errors::kMissingModel);
  if (model->token[0] != '"') return Refused(&errors::kModelNotAString);
  if (const RequestError* error = CheckModelName(model->text)) return Refused(error);
  out.model = model->text;
  out.length = model->token.size();
  out.stream = stream != nullptr && stream->token == "true";
  return out;
}

void CheckAccepted(RequestViewParser& parser, std::string_view text, const Outcome& got) {
  FUZZ_CHECK(CheckModelName(got.model) == nullptr);
  FUZZ_CHECK(got.offset + got.length <= text.size());
  std::string decoded;
  FUZZ_CHECK(ReferenceJson::Unescape(text.substr(got.offset, got.length), &decoded));
  FUZZ_CHECK(decoded == got.model);

  RequestView view;
  view.model_value_offset = got.offset;
  view.model_value_length = got.length;
  const std::string spliced = SpliceModel(text, view, "new \"model\"\\");
  const Outcome again = Parse(parser, spliced, ' ', "");
  FUZZ_CHECK(again.error == nullptr);
  FUZZ_CHECK(again.model == "new \"model\"\\");
  FUZZ_CHECK(again.offset == got.offset && again.stream == got.stream);
}

void CheckBody(std::string_view text, std::string_view session_key) {
  static RequestViewParser parser;
  const Outcome got = Parse(parser, text, '\0', session_key);
  for (char fill : {'}', '"', ','}) {
    const Outcome again = Parse(parser, text, fill, session_key);
    // Of several faults another one may be named.
    FUZZ_CHECK(again == got || (again.error != nullptr && got.error != nullptr));
  }
  if (got.error == nullptr) CheckAccepted(parser, text, got);
  if (text.empty()) return;

  std::string_view json = text;
  if (json.starts_with("\xEF\xBB\xBF")) json.remove_prefix(3);
  const ReferenceJson reference(json);
  if (reference.verdict() == ReferenceJson::Verdict::kOtherValue) {
    FUZZ_CHECK(got.error == &errors::kNotAnObject);
  } else if (reference.verdict() == ReferenceJson::Verdict::kObject) {
    Outcome expected = Expected(reference, session_key);
    expected.offset = got.offset;  // CheckAccepted has judged it
    FUZZ_CHECK(got == expected);
  }
}

}  // namespace
}  // namespace vllm_router::openai

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vllm_router::openai;
  if (size == 0) return 0;
  const std::string_view session_key = kSessionKeys[data[0] % std::size(kSessionKeys)];
  CheckBody({reinterpret_cast<const char*>(data) + 1, size - 1}, session_key);
  return 0;
}
