#include <cstdint>
#include <set>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/check.h"
#include "server/config/names.h"

namespace vllm_router::config {
namespace {

constexpr int kMaxTargets = 16;
constexpr uint32_t kMaxTargetWeight = 10000;

// A token of RFC 9110 section 5.6.2.
bool IsFieldName(std::string_view name) {
  if (name.empty() || name.size() > 128) return false;
  for (const char c : name) {
    const bool alphanumeric =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!alphanumeric && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

void CheckFailover(const v1::FailoverSettings& failover, const Checker& check) {
  if (failover.has_max_attempts()) check.Range("max_attempts", failover.max_attempts(), 0, 100);
  if (failover.has_retry_budget_percent()) {
    check.Range("retry_budget_percent", failover.retry_budget_percent(), 0, 100);
  }
  if (failover.has_retry_budget_min()) {
    check.Range("retry_budget_min", failover.retry_budget_min(), 0, 1000);
  }
  for (int i = 0; i < failover.retryable_status_codes_size(); ++i) {
    check.Range(absl::StrFormat("retryable_status_codes[%d]", i),
                failover.retryable_status_codes(i), 400, 599);
  }
}

void CheckTimeouts(const v1::BackendTimeouts& timeouts, const Checker& check) {
  if (timeouts.has_connect()) {
    check.Time("connect", timeouts.connect(), 1, kForever, /*zero_is_off=*/true);
  }
  if (timeouts.has_first_byte()) {
    check.Time("first_byte", timeouts.first_byte(), 1, kForever, /*zero_is_off=*/true);
  }
  if (timeouts.has_stream_idle()) {
    check.Time("stream_idle", timeouts.stream_idle(), 1, kForever, /*zero_is_off=*/true);
  }
}

}  // namespace

void CheckRoutingPolicy(const v1::RoutingPolicy& policy, const Checker& check) {
  const auto model = IdIn(kRoutingOfModel, policy.name());
  if (policy.name() != kRouting && !(model && IsModelName(*model))) {
    check.Fail("name", absl::StrFormat("'%s' is no name of a policy: routing, or routing/{model}",
                                       base::Printable(policy.name())));
  }
  if (policy.has_session_key() && !IsFieldName(policy.session_key())) {
    check.Fail("session_key",
               absl::StrFormat("'%s' is no name of a header: 1 to 128 letters, digits and "
                               "!#$%%&'*+-.^_`|~",
                               base::Printable(policy.session_key())));
  }
  if (policy.has_failover()) CheckFailover(policy.failover(), check.In("failover"));
  if (policy.has_timeouts()) CheckTimeouts(policy.timeouts(), check.In("timeouts"));
}

void CheckModelAlias(const v1::ModelAlias& alias, const Checker& check) {
  const auto name = IdIn(kAliases, alias.name());
  if (!name || !IsModelName(*name)) {
    check.Fail("name",
               absl::StrFormat("'%s' is no name of an alias: aliases/{alias}, the alias of 1 "
                               "to 512 characters without control characters",
                               base::Printable(alias.name())));
  }
  if (alias.targets().empty() || alias.targets_size() > kMaxTargets) {
    check.Fail("targets", absl::StrFormat("holds %d models: 1 to %d are allowed",
                                          alias.targets_size(), kMaxTargets));
  }
  std::set<std::string_view> models;
  uint64_t sum = 0;
  for (int i = 0; i < alias.targets_size(); ++i) {
    const v1::WeightedModel& target = alias.targets(i);
    const Checker in = check.In(absl::StrFormat("targets[%d]", i));
    if (!IsModelName(target.model())) {
      in.Fail("model",
              absl::StrFormat("'%s' is no name of a model: 1 to 512 characters, no control "
                              "characters",
                              base::Printable(target.model())));
    } else if (!models.insert(target.model()).second) {
      in.Fail("model", absl::StrFormat("'%s' is listed twice", base::Printable(target.model())));
    }
    const uint32_t weight = target.has_weight() ? target.weight() : 1;
    in.Range("weight", weight, 0, kMaxTargetWeight);
    sum += weight;
  }
  if (!alias.targets().empty() && sum == 0) {
    check.Fail("targets", "have the weight 0 together: at least one has to be above 0");
  }
}

}  // namespace vllm_router::config
