// The groups of flags, one per file flags_<group>.cc, in the order of --help. Constants; any
// thread.
#ifndef SERVER_APP_FLAGS_GROUPS_H_
#define SERVER_APP_FLAGS_GROUPS_H_

#include "server/app/flags_spec.h"

namespace vllm_router::app {

const FlagGroup& BasicFlags();
const FlagGroup& DiscoveryFlags();
const FlagGroup& RoutingFlags();
const FlagGroup& LimitFlags();
const FlagGroup& TimeoutFlags();
const FlagGroup& FailoverFlags();
const FlagGroup& HealthFlags();
const FlagGroup& MonitoringFlags();
const FlagGroup& LoggingFlags();
const FlagGroup& CallbackFlags();
const FlagGroup& TlsFlags();
const FlagGroup& AdminFlags();
const FlagGroup& CompatibilityFlags();

// Which of <prefix>-cert, <prefix>-key and <prefix>-client-ca may be given without the others.
absl::Status CheckTlsFlags(std::string_view prefix, const TlsOptions& tls);

}  // namespace vllm_router::app

#endif  // SERVER_APP_FLAGS_GROUPS_H_
