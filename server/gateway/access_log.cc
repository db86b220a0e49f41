#include "server/gateway/access_log.h"

#include "server/base/ids.h"
#include "server/base/log.h"
#include "server/gateway/access_record.h"

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

void AccessLog::Write(const AccessEntry& entry, fleet::AccessLogFormat format) {
  if (format == fleet::AccessLogFormat::kOff) return;
  if (records_.empty()) {
    loop_.Defer([this] {
      output_ ? output_(records_) : base::SubmitAccessRecords(records_);
      records_.clear();
    });
  }
  AppendAccessRecord(entry, format, loop_.wall_now(), &records_);
}

}  // namespace vllm_router::gateway
