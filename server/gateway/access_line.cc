#include "server/gateway/access_line.h"

#include <algorithm>
#include <array>

#include "server/base/line_text.h"

namespace vllm_router::gateway {
namespace {

constexpr size_t kMaxOtherShown = 256;

std::string_view WordOf(SessionSource source) {
  switch (source) {
    case SessionSource::kNone:
      return "";
    case SessionSource::kHeader:
      return "header";
    case SessionSource::kBody:
      return "body";
  }
  return "";
}

// A name in the code, as an argument of a template.
template <size_t kSize>
struct Name {
  char text[kSize];
  consteval Name(const char (&name)[kSize]) { std::copy_n(name, kSize, text); }
  static constexpr size_t kLength = kSize - 1;
};

// What stands between two values: the name of the second one, as text lines and as JSON have it.
template <Name kName>
constexpr auto kInText = [] {
  std::array<char, kName.kLength + 2> bytes{' '};
  *std::copy_n(kName.text, kName.kLength, bytes.begin() + 1) = '=';
  return bytes;
}();
template <Name kName>
constexpr auto kInJson = [] {
  std::array<char, kName.kLength + 4> bytes{',', '"'};
  char* const end = std::copy_n(kName.text, kName.kLength, bytes.begin() + 2);
  end[0] = '"';
  end[1] = ':';
  return bytes;
}();

// The line's fields. Lines are rendered many at a time, so that code for each field pays.
template <bool kJson>
class Fields {
 public:
  explicit Fields(base::LineText& line) : line_(line) {}

  // No white space in it.
  template <Name kName>
  void Word(std::string_view value) {
    Begin<kName>();
    Value(value, kMaxOtherShown, kJson);
  }
  // Any text.
  template <Name kName>
  void Quoted(std::string_view value, size_t limit = kMaxOtherShown) {
    Begin<kName>();
    Value(value, limit, true);
  }
  template <Name kName>
  void Number(uint64_t value) {
    Begin<kName>();
    value == kNoNumber ? None() : line_.AddNumber(value);
  }
  template <Name kName>
  void Milliseconds(base::Duration value) {
    Begin<kName>();
    value == kNoTime ? None() : line_.AddMilliseconds(value.count());
  }
  template <Name kName>
  void Flag(bool value) {
    Begin<kName>();
    line_.Add(value ? "true" : "false");
  }

 private:
  template <Name kName>
  void Begin() {
    if constexpr (kJson) {
      line_.AddFixed(kInJson<kName>);
    } else {
      line_.AddFixed(kInText<kName>);
    }
  }
  void None() { line_.Add(kJson ? "null" : "-"); }
  void Value(std::string_view value, size_t limit, bool quoted) {
    if (value.empty()) return None();
    if (quoted) line_.AddByte('"');
    line_.AddShown(value, limit);
    if (quoted) line_.AddByte('"');
  }

  base::LineText& line_;
};

// All but what begins a text line.
template <bool kJson>
void AppendFields(const AccessEntry& entry, base::LineText& line) {
  const AccessFigures& figures = entry.figures;
  const bool reported = figures.tokens_reported;
  Fields<kJson> fields(line);
  fields.template Word<"cause">(stats::WordOf(figures.cause));
  fields.template Word<"request_id">(entry.request_id);
  fields.template Quoted<"model">(entry.model, kMaxModelShown);
  fields.template Word<"backend">(entry.backend);
  fields.template Number<"attempts">(figures.attempts);
  fields.template Milliseconds<"read_ms">(figures.read);
  fields.template Milliseconds<"queue_ms">(figures.queue);
  fields.template Milliseconds<"connect_ms">(figures.connect);
  fields.template Milliseconds<"first_ms">(figures.first);
  fields.template Milliseconds<"total_ms">(figures.total);
  fields.template Flag<"stream">(figures.stream);
  fields.template Number<"input_tokens">(figures.input_tokens);
  fields.template Number<"output_tokens">(figures.output_tokens);
  fields.template Word<"tokens">(figures.output_tokens == kNoNumber ? ""
                                 : reported                         ? "reported"
                                                                    : "counted");
  fields.template Number<"request_bytes">(figures.request_bytes);
  fields.template Number<"answer_bytes">(figures.answer_bytes);
  fields.template Number<"generation">(figures.generation);
  fields.template Quoted<"key">(entry.key);
  fields.template Word<"session">(WordOf(figures.session));
  fields.template Word<"trace_id">(entry.trace_id);
}

void AppendTextLine(const AccessEntry& entry, const AccessStamp& stamp, base::LineText& line) {
  line.AddByte('[');
  line.Add(stamp.second);
  line.AddByte(',');
  line.AddThreeDigits(stamp.milliseconds);
  // From here to the status as uvicorn has it.
  line.Add("] ACCESS: ");
  line.Add(entry.client.empty() ? "-" : entry.client);
  line.Add(" - \"");
  if (entry.method.empty()) {
    line.AddByte('-');
  } else {
    line.AddShown(entry.method, kMaxOtherShown);
    line.AddByte(' ');
    line.AddShown(entry.path, kMaxPathShown);
    line.Add(" HTTP/1.");
    line.AddNumber(entry.figures.http_minor);
  }
  line.Add("\" ");
  entry.figures.status == 0 ? line.AddByte('-') : line.AddNumber(entry.figures.status);
  AppendFields<false>(entry, line);
  line.AddByte('\n');
}

void AppendJsonLine(const AccessEntry& entry, const AccessStamp& stamp, base::LineText& line) {
  line.Add("{\"timestamp\":\"");
  line.Add(stamp.second);
  line.AddByte('.');
  line.AddThreeDigits(stamp.milliseconds);
  line.Add("Z\",\"level\":\"INFO\",\"logger\":\"vllm_router.access\"");
  Fields<true> fields(line);
  fields.Word<"client">(entry.client);
  fields.Word<"method">(entry.method);
  fields.Quoted<"path">(entry.path, kMaxPathShown);
  fields.Number<"status">(entry.figures.status == 0 ? kNoNumber : entry.figures.status);
  AppendFields<true>(entry, line);
  line.Add("}\n");
}

}  // namespace

void AppendAccessLine(const AccessEntry& entry, fleet::AccessLogFormat format,
                      const AccessStamp& stamp, bool plain, std::string* out) {
  using Escapes = base::LineText::Escapes;
  if (format == fleet::AccessLogFormat::kText) {
    base::LineText line(out, plain ? Escapes::kNone : Escapes::kPrintable);
    AppendTextLine(entry, stamp, line);
  } else if (format == fleet::AccessLogFormat::kJson) {
    base::LineText line(out, plain ? Escapes::kNone : Escapes::kJson);
    AppendJsonLine(entry, stamp, line);
  }
}

}  // namespace vllm_router::gateway
