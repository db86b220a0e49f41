// The difference between two configurations, resource by resource and field by field, as answers,
// revisions and the audit show it. Pure functions; thread-safe.
#ifndef SERVER_CONFIG_DIFF_H_
#define SERVER_CONFIG_DIFF_H_

#include <string_view>

#include "proto/router.pb.h"

namespace vllm_router::config {

inline constexpr std::string_view kHiddenSecret = "***";

// Deletions first, else in the order of the configuration. Fields that only the router fills are
// left out, secrets read "***" (a changed one shows as changed).
v1::ConfigDiff Diff(const v1::Config& before, const v1::Config& after);

// Replaces every secret by "***".
void Redact(v1::Config& config);
void Redact(v1::Backend& backend);

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_DIFF_H_
