#include "server/gateway/access_line.h"

#include "server/base/strings.h"
#include "server/gateway/answer.h"

namespace vllm_router::gateway {
namespace {

constexpr size_t kMaxOtherShown = 256;

void AppendThreeDigits(uint64_t value, std::string* out) {
  out->push_back(static_cast<char>('0' + value / 100 % 10));
  out->push_back(static_cast<char>('0' + value / 10 % 10));
  out->push_back(static_cast<char>('0' + value % 10));
}

// name=value, behind the head of the line.
class TextFields {
 public:
  explicit TextFields(std::string* out) : out_(out) {}

  void Text(std::string_view name, std::string_view value, size_t limit = kMaxOtherShown) {
    Name(name);
    if (value.empty()) return None();
    out_->push_back('"');
    base::AppendPrintable(value, limit, out_);
    out_->push_back('"');
  }
  // A value without white space.
  void Word(std::string_view name, std::string_view value) {
    Name(name);
    if (value.empty()) return None();
    base::AppendPrintable(value, kMaxOtherShown, out_);
  }
  void Name(std::string_view name) {
    out_->push_back(' ');
    out_->append(name);
    out_->push_back('=');
  }
  void None() { out_->push_back('-'); }
  std::string* out() { return out_; }

 private:
  std::string* const out_;
};

// "name":value, behind the line's first member.
class JsonFields {
 public:
  explicit JsonFields(std::string* out) : out_(out) {}

  void Text(std::string_view name, std::string_view value, size_t limit = kMaxOtherShown) {
    Name(name);
    if (value.empty()) return None();
    out_->push_back('"');
    base::AppendJsonEscaped(value, limit, out_);
    out_->push_back('"');
  }
  void Word(std::string_view name, std::string_view value) { Text(name, value); }
  void Name(std::string_view name) {
    out_->append(",\"");
    out_->append(name);
    out_->append("\":");
  }
  void None() { out_->append("null"); }
  std::string* out() { return out_; }

 private:
  std::string* const out_;
};

template <typename Fields>
void Number(Fields& fields, std::string_view name, std::optional<uint64_t> value) {
  fields.Name(name);
  if (!value) return fields.None();
  AppendNumber(*fields.out(), *value);
}

template <typename Fields>
void Milliseconds(Fields& fields, std::string_view name, std::optional<base::Duration> time) {
  fields.Name(name);
  if (!time) return fields.None();
  const int64_t ns = time->count();
  const uint64_t us = ns > 0 ? static_cast<uint64_t>(ns) / 1000 : 0;
  AppendNumber(*fields.out(), us / 1000);
  fields.out()->push_back('.');
  AppendThreeDigits(us % 1000, fields.out());
}

template <typename Fields>
void Switch(Fields& fields, std::string_view name, bool value) {
  fields.Name(name);
  fields.out()->append(value ? "true" : "false");
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
  fields.Word("cause", stats::WordOf(entry.cause));
  fields.Word("request_id", entry.request_id);
  fields.Text("model", entry.model, kMaxModelShown);
  fields.Word("backend", entry.backend);
  Number(fields, "attempts", entry.attempts);
  Milliseconds(fields, "read_ms", entry.read);
  Milliseconds(fields, "queue_ms", entry.queue);
  Milliseconds(fields, "connect_ms", entry.connect);
  Milliseconds(fields, "first_ms", entry.first);
  Milliseconds(fields, "total_ms", entry.total);
  Switch(fields, "stream", entry.stream);
  Number(fields, "input_tokens", entry.input_tokens);
  Number(fields, "output_tokens", entry.output_tokens);
  fields.Word("tokens", !entry.output_tokens ? "" : entry.tokens_reported ? "reported" : "counted");
  Number(fields, "request_bytes", entry.request_bytes);
  Number(fields, "answer_bytes", entry.answer_bytes);
  Number(fields, "generation", entry.generation);
  fields.Text("key", entry.key);
  fields.Word("session", WordOf(entry.session));
  fields.Word("trace_id", entry.trace_id);
}

void AppendTextLine(const AccessEntry& entry, std::string_view second, uint32_t milliseconds,
                    std::string* out) {
  out->push_back('[');
  out->append(second);
  out->push_back(',');
  AppendThreeDigits(milliseconds, out);
  // From here to the status as uvicorn has it.
  out->append("] ACCESS: ");
  out->append(entry.client.empty() ? "-" : entry.client);
  out->append(" - \"");
  if (entry.method.empty()) {
    out->push_back('-');
  } else {
    base::AppendPrintable(entry.method, kMaxOtherShown, out);
    out->push_back(' ');
    base::AppendPrintable(entry.path, kMaxPathShown, out);
    out->append(" HTTP/1.");
    AppendNumber(*out, entry.http_minor);
  }
  out->append("\" ");
  if (entry.status == 0) {
    out->push_back('-');
  } else {
    AppendNumber(*out, static_cast<uint64_t>(entry.status));
  }
  AppendFields(entry, TextFields(out));
  out->push_back('\n');
}

void AppendJsonLine(const AccessEntry& entry, std::string_view second, uint32_t milliseconds,
                    std::string* out) {
  out->append("{\"timestamp\":\"");
  out->append(second);
  out->push_back('.');
  AppendThreeDigits(milliseconds, out);
  out->append("Z\",\"level\":\"INFO\",\"logger\":\"vllm_router.access\"");
  JsonFields fields(out);
  fields.Word("client", entry.client);
  fields.Text("method", entry.method);
  fields.Text("path", entry.path, kMaxPathShown);
  Number(fields, "status",
         entry.status == 0 ? std::nullopt
                           : std::optional<uint64_t>(static_cast<uint64_t>(entry.status)));
  AppendFields(entry, fields);
  out->append("}\n");
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
