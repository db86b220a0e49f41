#include "server/gateway/access_line.h"

#include <array>
#include <charconv>
#include <cstring>

#include "server/base/strings.h"

namespace vllm_router::gateway {
namespace {

constexpr size_t kMaxOtherShown = 256;

// The name of a field as a text line has it, and as a JSON line.
#define FIELD(name) " " name "=", ",\"" name "\":"

// A line on its way into a string, by way of the stack: two dozen names, each a few bytes, cost
// more as appends to a string than everything else about a line.
class Line {
 public:
  explicit Line(std::string* out) : out_(out) {}
  ~Line() { Flush(); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  template <size_t kSize>
  void Add(const char (&literal)[kSize]) {
    MakeRoom(kSize - 1);
    std::memcpy(end_, literal, kSize - 1);
    end_ += kSize - 1;
  }
  void Add(std::string_view text) {
    if (text.size() > static_cast<size_t>(text_.end() - end_)) {
      Flush();
      out_->append(text);
      return;
    }
    std::memcpy(end_, text.data(), text.size());
    end_ += text.size();
  }
  void AddNumber(uint64_t value) {
    MakeRoom(20);
    end_ = std::to_chars(end_, text_.end(), value).ptr;
  }
  void AddThreeDigits(uint64_t value) {
    const std::array<char, 3> digits = {static_cast<char>('0' + value / 100 % 10),
                                        static_cast<char>('0' + value / 10 % 10),
                                        static_cast<char>('0' + value % 10)};
    Add(std::string_view(digits.data(), digits.size()));
  }
  // At most `limit` bytes; `append` is who escapes what has to be.
  template <typename Append>
  void AddShown(std::string_view value, size_t limit, Append append) {
    if (value.size() <= limit && base::IsPlain(value)) return Add(value);
    Flush();
    append(value, limit, out_);
  }

 private:
  void MakeRoom(size_t bytes) {
    if (bytes > static_cast<size_t>(text_.end() - end_)) Flush();
  }
  void Flush() {
    out_->append(text_.data(), end_);
    end_ = text_.data();
  }

  std::string* const out_;
  std::array<char, 1024> text_;
  char* end_ = text_.data();
};

// name=value, behind the head of the line.
class TextFields {
 public:
  explicit TextFields(Line& line) : line_(line) {}

  template <size_t kText, size_t kJson>
  void Name(const char (&text)[kText], const char (&)[kJson]) {
    line_.Add(text);
  }
  void Text(std::string_view value, size_t limit = kMaxOtherShown) {
    if (value.empty()) return None();
    line_.Add("\"");
    line_.AddShown(value, limit, base::AppendPrintable);
    line_.Add("\"");
  }
  // A value without white space.
  void Word(std::string_view value) {
    if (value.empty()) return None();
    line_.AddShown(value, kMaxOtherShown, base::AppendPrintable);
  }
  void None() { line_.Add("-"); }
  Line& line() { return line_; }

 private:
  Line& line_;
};

// "name":value, behind the line's first member.
class JsonFields {
 public:
  explicit JsonFields(Line& line) : line_(line) {}

  template <size_t kText, size_t kJson>
  void Name(const char (&)[kText], const char (&json)[kJson]) {
    line_.Add(json);
  }
  void Text(std::string_view value, size_t limit = kMaxOtherShown) {
    if (value.empty()) return None();
    line_.Add("\"");
    line_.AddShown(value, limit, base::AppendJsonEscaped);
    line_.Add("\"");
  }
  void Word(std::string_view value) { Text(value); }
  void None() { line_.Add("null"); }
  Line& line() { return line_; }

 private:
  Line& line_;
};

template <typename Fields>
void Number(Fields& fields, std::optional<uint64_t> value) {
  if (!value) return fields.None();
  fields.line().AddNumber(*value);
}

template <typename Fields>
void Milliseconds(Fields& fields, std::optional<base::Duration> time) {
  if (!time) return fields.None();
  const int64_t ns = time->count();
  const uint64_t us = ns > 0 ? static_cast<uint64_t>(ns) / 1000 : 0;
  fields.line().AddNumber(us / 1000);
  fields.line().Add(".");
  fields.line().AddThreeDigits(us % 1000);
}

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

// What both formats have in common, in the same order.
template <typename Fields>
void AppendFields(const AccessEntry& entry, Fields fields) {
  fields.Name(FIELD("cause"));
  fields.Word(stats::WordOf(entry.cause));
  fields.Name(FIELD("request_id"));
  fields.Word(entry.request_id);
  fields.Name(FIELD("model"));
  fields.Text(entry.model, kMaxModelShown);
  fields.Name(FIELD("backend"));
  fields.Word(entry.backend);
  fields.Name(FIELD("attempts"));
  Number(fields, entry.attempts);
  fields.Name(FIELD("read_ms"));
  Milliseconds(fields, entry.read);
  fields.Name(FIELD("queue_ms"));
  Milliseconds(fields, entry.queue);
  fields.Name(FIELD("connect_ms"));
  Milliseconds(fields, entry.connect);
  fields.Name(FIELD("first_ms"));
  Milliseconds(fields, entry.first);
  fields.Name(FIELD("total_ms"));
  Milliseconds(fields, entry.total);
  fields.Name(FIELD("stream"));
  fields.line().Add(std::string_view(entry.stream ? "true" : "false"));
  fields.Name(FIELD("input_tokens"));
  Number(fields, entry.input_tokens);
  fields.Name(FIELD("output_tokens"));
  Number(fields, entry.output_tokens);
  fields.Name(FIELD("tokens"));
  fields.Word(!entry.output_tokens ? "" : entry.tokens_reported ? "reported" : "counted");
  fields.Name(FIELD("request_bytes"));
  Number(fields, entry.request_bytes);
  fields.Name(FIELD("answer_bytes"));
  Number(fields, entry.answer_bytes);
  fields.Name(FIELD("generation"));
  Number(fields, entry.generation);
  fields.Name(FIELD("key"));
  fields.Text(entry.key);
  fields.Name(FIELD("session"));
  fields.Word(WordOf(entry.session));
  fields.Name(FIELD("trace_id"));
  fields.Word(entry.trace_id);
}

void AppendTextLine(const AccessEntry& entry, std::string_view second, uint32_t milliseconds,
                    std::string* out) {
  Line line(out);
  line.Add("[");
  line.Add(second);
  line.Add(",");
  line.AddThreeDigits(milliseconds);
  // From here to the status as uvicorn has it.
  line.Add("] ACCESS: ");
  line.Add(entry.client.empty() ? std::string_view("-") : entry.client);
  line.Add(" - \"");
  if (entry.method.empty()) {
    line.Add("-");
  } else {
    line.AddShown(entry.method, kMaxOtherShown, base::AppendPrintable);
    line.Add(" ");
    line.AddShown(entry.path, kMaxPathShown, base::AppendPrintable);
    line.Add(" HTTP/1.");
    line.AddNumber(entry.http_minor);
  }
  line.Add("\" ");
  if (entry.status == 0) {
    line.Add("-");
  } else {
    line.AddNumber(static_cast<uint64_t>(entry.status));
  }
  AppendFields(entry, TextFields(line));
  line.Add("\n");
}

void AppendJsonLine(const AccessEntry& entry, std::string_view second, uint32_t milliseconds,
                    std::string* out) {
  Line line(out);
  line.Add("{\"timestamp\":\"");
  line.Add(second);
  line.Add(".");
  line.AddThreeDigits(milliseconds);
  line.Add("Z\",\"level\":\"INFO\",\"logger\":\"vllm_router.access\"");
  JsonFields fields(line);
  fields.Name(FIELD("client"));
  fields.Word(entry.client);
  fields.Name(FIELD("method"));
  fields.Text(entry.method);
  fields.Name(FIELD("path"));
  fields.Text(entry.path, kMaxPathShown);
  fields.Name(FIELD("status"));
  if (entry.status == 0) {
    fields.None();
  } else {
    line.AddNumber(static_cast<uint64_t>(entry.status));
  }
  AppendFields(entry, fields);
  line.Add("}\n");
}

#undef FIELD

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
