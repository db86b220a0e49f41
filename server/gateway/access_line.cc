#include "server/gateway/access_line.h"

#include <array>

#include "absl/types/span.h"
#include "server/base/line_text.h"

namespace vllm_router::gateway {
namespace {

constexpr uint16_t kMaxOtherShown = 256;

// How a field is called in a text line and in a JSON line, with what stands around it.
struct Name {
  std::array<char, base::LineText::kMostOfName> bytes{};  // all of them are copied
  uint8_t size = 0;

  constexpr Name(std::string_view before, std::string_view name, std::string_view behind) {
    for (const std::string_view part : {before, name, behind}) {
      for (const char c : part) bytes[size++] = c;
    }
  }
};

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

std::string_view WordOfTokens(const AccessEntry& entry) {
  if (!entry.output_tokens) return "";
  return entry.tokens_reported ? "reported" : "counted";
}

// A field of the line. A table of them and one loop, since code for each would not be in the
// processor's cache any more when the next request ends.
struct Field {
  enum class Kind : uint8_t {
    kWord,    // no white space in it
    kQuoted,  // any text
    kNumber,
    kMilliseconds,
    kStatus,
    kCause,
    kStream,
    kTokens,
    kSession
  };
  using Text = std::string_view AccessEntry::*;
  using Number = std::optional<uint64_t> AccessEntry::*;
  using Time = std::optional<base::Duration> AccessEntry::*;

  Name in_text;
  Name in_json;
  Kind kind;
  uint16_t limit = 0;
  union {
    Text text = nullptr;
    Number number;
    Time time;
  };

  constexpr Field(std::string_view name, Kind what)
      : in_text(" ", name, "="), in_json(",\"", name, "\":"), kind(what) {}
  constexpr Field(std::string_view name, Kind what, Text member, uint16_t most = kMaxOtherShown)
      : Field(name, what) {
    limit = most;
    text = member;
  }
  constexpr Field(std::string_view name, Number member) : Field(name, Kind::kNumber) {
    number = member;
  }
  constexpr Field(std::string_view name, Time member) : Field(name, Kind::kMilliseconds) {
    time = member;
  }
};

// What only JSON has as fields; in text it is the beginning of the line.
constexpr auto kHeadFields = std::to_array<Field>({
    {"client", Field::Kind::kWord, &AccessEntry::client},
    {"method", Field::Kind::kWord, &AccessEntry::method},
    {"path", Field::Kind::kQuoted, &AccessEntry::path, kMaxPathShown},
    {"status", Field::Kind::kStatus},
});

constexpr auto kFields = std::to_array<Field>({
    {"cause", Field::Kind::kCause},
    {"request_id", Field::Kind::kWord, &AccessEntry::request_id},
    {"model", Field::Kind::kQuoted, &AccessEntry::model, kMaxModelShown},
    {"backend", Field::Kind::kWord, &AccessEntry::backend},
    {"attempts", &AccessEntry::attempts},
    {"read_ms", &AccessEntry::read},
    {"queue_ms", &AccessEntry::queue},
    {"connect_ms", &AccessEntry::connect},
    {"first_ms", &AccessEntry::first},
    {"total_ms", &AccessEntry::total},
    {"stream", Field::Kind::kStream},
    {"input_tokens", &AccessEntry::input_tokens},
    {"output_tokens", &AccessEntry::output_tokens},
    {"tokens", Field::Kind::kTokens},
    {"request_bytes", &AccessEntry::request_bytes},
    {"answer_bytes", &AccessEntry::answer_bytes},
    {"generation", &AccessEntry::generation},
    {"key", Field::Kind::kQuoted, &AccessEntry::key},
    {"session", Field::Kind::kSession},
    {"trace_id", Field::Kind::kWord, &AccessEntry::trace_id},
});

class Fields {
 public:
  Fields(const AccessEntry& entry, bool json, base::LineText& line)
      : entry_(entry), json_(json), line_(line) {}

  void Append(absl::Span<const Field> fields) {
    for (const Field& field : fields) {
      const Name& name = json_ ? field.in_json : field.in_text;
      line_.AddName(name.bytes, name.size);
      AppendValue(field);
    }
  }
  void AppendStatus() {
    entry_.status == 0 ? AppendNone() : line_.AddNumber(static_cast<uint64_t>(entry_.status));
  }

 private:
  void AppendNone() { line_.Add(json_ ? "null" : "-"); }

  void AppendText(std::string_view value, size_t limit, bool quoted) {
    if (value.empty()) return AppendNone();
    if (quoted) line_.AddByte('"');
    line_.AddShown(value, limit);
    if (quoted) line_.AddByte('"');
  }

  void AppendValue(const Field& field) {
    switch (field.kind) {
      case Field::Kind::kWord:
        return AppendText(entry_.*field.text, field.limit, json_);
      case Field::Kind::kQuoted:
        return AppendText(entry_.*field.text, field.limit, true);
      case Field::Kind::kNumber: {
        const std::optional<uint64_t>& value = entry_.*field.number;
        return value ? line_.AddNumber(*value) : AppendNone();
      }
      case Field::Kind::kMilliseconds: {
        const std::optional<base::Duration>& value = entry_.*field.time;
        return value ? line_.AddMilliseconds(value->count()) : AppendNone();
      }
      case Field::Kind::kStatus:
        return AppendStatus();
      case Field::Kind::kCause:
        return AppendText(stats::WordOf(entry_.cause), kMaxOtherShown, json_);
      case Field::Kind::kStream:
        return line_.Add(entry_.stream ? "true" : "false");
      case Field::Kind::kTokens:
        return AppendText(WordOfTokens(entry_), kMaxOtherShown, json_);
      case Field::Kind::kSession:
        return AppendText(WordOf(entry_.session), kMaxOtherShown, json_);
    }
  }

  const AccessEntry& entry_;
  const bool json_;
  base::LineText& line_;
};

void AppendTextLine(const AccessEntry& entry, std::string_view second, uint32_t milliseconds,
                    std::string* out) {
  base::LineText line(out, base::LineText::Escapes::kPrintable);
  line.AddByte('[');
  line.Add(second);
  line.AddByte(',');
  line.AddThreeDigits(milliseconds);
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
    line.AddNumber(entry.http_minor);
  }
  line.Add("\" ");
  Fields fields(entry, false, line);
  fields.AppendStatus();
  fields.Append(kFields);
  line.AddByte('\n');
}

void AppendJsonLine(const AccessEntry& entry, std::string_view second, uint32_t milliseconds,
                    std::string* out) {
  base::LineText line(out, base::LineText::Escapes::kJson);
  line.Add("{\"timestamp\":\"");
  line.Add(second);
  line.AddByte('.');
  line.AddThreeDigits(milliseconds);
  line.Add("Z\",\"level\":\"INFO\",\"logger\":\"vllm_router.access\"");
  Fields fields(entry, true, line);
  fields.Append(kHeadFields);
  fields.Append(kFields);
  line.Add("}\n");
}

}  // namespace

void AppendAccessLine(const AccessEntry& entry, fleet::AccessLogFormat format,
                      std::string_view second, uint32_t milliseconds, std::string* out) {
  switch (format) {
    case fleet::AccessLogFormat::kOff:
      break;
    case fleet::AccessLogFormat::kText:
      AppendTextLine(entry, second, milliseconds, out);
      break;
    case fleet::AccessLogFormat::kJson:
      AppendJsonLine(entry, second, milliseconds, out);
      break;
  }
}

}  // namespace vllm_router::gateway
