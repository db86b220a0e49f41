// The filters of ListAuditEvents. Stateless.
#ifndef SERVER_ADMIN_AUDIT_QUERY_H_
#define SERVER_ADMIN_AUDIT_QUERY_H_

#include <string>
#include <vector>

#include "proto/router.pb.h"
#include "server/base/failure.h"

namespace vllm_router::admin {

// What is wrong with the request apart from its page token.
std::vector<base::Violation> CheckAuditQuery(const v1::ListAuditEventsRequest& request);

bool Matches(const v1::ListAuditEventsRequest& filter, const v1::AuditEvent& event);

// What has to be the same on every page, as text.
std::string FilterText(const v1::ListAuditEventsRequest& request);

// `text` with spaces for control characters, C1 ones (U+0080 to U+009F) included: terminals obey
// them too.
std::string WithoutControls(const std::string& text);

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_AUDIT_QUERY_H_
