#include "server/admin/audit_query.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_format.h"

namespace vllm_router::admin {
namespace {

constexpr int kMaxPageSize = 1000;

bool Before(const google::protobuf::Timestamp& a, const google::protobuf::Timestamp& b) {
  return std::make_tuple(a.seconds(), a.nanos()) < std::make_tuple(b.seconds(), b.nanos());
}

template <typename Strings>
bool Holds(const Strings& strings, const std::string& wanted) {
  return std::find(strings.begin(), strings.end(), wanted) != strings.end();
}

}  // namespace

std::vector<base::Violation> CheckAuditQuery(const v1::ListAuditEventsRequest& request) {
  std::vector<base::Violation> violations;
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    violations.push_back(
        {"page_size", absl::StrFormat("%d is not in 1 to %d", request.page_size(), kMaxPageSize)});
  }
  if (request.has_start_time() && request.has_end_time() &&
      Before(request.end_time(), request.start_time())) {
    violations.push_back({"end_time", "it is before start_time"});
  }
  return violations;
}

bool Matches(const v1::ListAuditEventsRequest& filter, const v1::AuditEvent& event) {
  if (filter.has_start_time() && Before(event.time(), filter.start_time())) return false;
  if (filter.has_end_time() && !Before(event.time(), filter.end_time())) return false;
  if (!filter.actor().empty() && filter.actor() != event.actor()) return false;
  if (filter.rpcs_size() > 0 && !Holds(filter.rpcs(), event.rpc())) return false;
  if (!filter.resource().empty() && !Holds(event.resources(), filter.resource())) return false;
  return !filter.failed_only() || event.grpc_code() != 0;
}

std::string FilterText(const v1::ListAuditEventsRequest& request) {
  v1::ListAuditEventsRequest filter = request;
  filter.clear_page_token();
  filter.clear_page_size();  // a client may take smaller steps
  return filter.SerializeAsString();
}

std::string WithoutControls(const std::string& text) {
  std::string clean = text;
  for (size_t i = 0; i < clean.size(); ++i) {
    const auto c = static_cast<unsigned char>(clean[i]);
    if (c < 0x20 || c == 0x7F) clean[i] = ' ';
    const auto next = i + 1 < clean.size() ? static_cast<unsigned char>(clean[i + 1]) : 0;
    if (c == 0xC2 && next >= 0x80 && next < 0xA0) clean.replace(i, 2, " ");
  }
  return clean;
}

}  // namespace vllm_router::admin
