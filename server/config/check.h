// What a resource may hold, by itself: names, ranges, lengths, as the comments of
// proto/router.proto promise. What it must not do to others (an alias that hides a model, say) is
// checked on the whole configuration, see draft.h. Pure functions; thread-safe.
#ifndef SERVER_CONFIG_CHECK_H_
#define SERVER_CONFIG_CHECK_H_

#include <string>
#include <string_view>

#include "proto/router.pb.h"
#include "server/config/checker.h"

namespace vllm_router::config {

// What the process was started with and a check depends on.
struct CheckContext {
  std::string secrets_dir;  // files with API keys have to lie below it; empty allows none
};

void CheckBackend(const v1::Backend& backend, const CheckContext& context, const Checker& check);
void CheckRoutingPolicy(const v1::RoutingPolicy& policy, const Checker& check);
void CheckModelAlias(const v1::ModelAlias& alias, const Checker& check);
void CheckCallback(const v1::Callback& callback, const Checker& check);
void CheckLimits(const v1::Limits& limits, const Checker& check);
void CheckDrain(const v1::DrainOptions& options, const Checker& check);
void CheckTls(const v1::TlsSettings& tls, const Checker& check);

// The host is, as a literal, a link-local or metadata address, or a well-known name of one. A
// request sent there could carry the machine's own credentials away.
bool IsForbiddenHost(std::string_view host);

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_CHECK_H_
