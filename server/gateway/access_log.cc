#include "server/gateway/access_log.h"

#include "server/base/ids.h"
#include "server/base/log.h"

namespace vllm_router::gateway {
namespace {

// That of the request's only traceparent header: of two, neither can be believed.
std::string_view TraceId(const http::Session& session) {
  const http::Field* found = nullptr;
  for (const http::Field& field : session.head().fields) {
    if (field.id != http::FieldId::kTraceparent) continue;
    if (found != nullptr) return {};
    found = &field;
  }
  return found == nullptr ? std::string_view() : base::TraceIdOf(session.In(found->value));
}

}  // namespace

bool IsProbe(EndpointKind kind) {
  return kind == EndpointKind::kHealth || kind == EndpointKind::kLivez ||
         kind == EndpointKind::kReadyz || kind == EndpointKind::kMetrics;
}

void AccessOrigin::Read(const http::Session& session) {
  client.assign(session.peer());
  method.assign(session.In(session.head().method_text));
  key.assign(session.client_key);
  trace_id.assign(TraceId(session));
  http_minor = session.head().version_minor;
}

std::string_view AccessLog::Second(fleet::AccessLogFormat format, std::time_t second) {
  if (second != second_ || format != second_format_) {
    std::tm time{};
    if (format == fleet::AccessLogFormat::kJson) {
      gmtime_r(&second, &time);
      std::strftime(second_text_, sizeof(second_text_), "%Y-%m-%dT%H:%M:%S", &time);
    } else {
      localtime_r(&second, &time);
      std::strftime(second_text_, sizeof(second_text_), "%Y-%m-%d %H:%M:%S", &time);
    }
    second_ = second;
    second_format_ = format;
  }
  return second_text_;
}

void AccessLog::Write(const AccessEntry& entry, fleet::AccessLogFormat format) {
  if (format == fleet::AccessLogFormat::kOff) return;
  if (lines_.empty()) {
    loop_.Defer([this] {
      output_ ? output_(lines_) : base::SubmitAccessLines(lines_);
      lines_.clear();
    });
  }
  const int64_t ns = loop_.wall_now().time_since_epoch().count();
  AppendAccessLine(entry, format, Second(format, ns / 1'000'000'000),
                   static_cast<uint32_t>(ns / 1'000'000 % 1000), &lines_);
}

}  // namespace vllm_router::gateway
