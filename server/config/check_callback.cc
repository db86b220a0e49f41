#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/callback_target.h"
#include "server/config/check.h"
#include "server/config/names.h"

namespace vllm_router::config {
namespace {

constexpr uint64_t kMaxBody = 64u << 20;

void CheckPatterns(std::string_view field,
                   const google::protobuf::RepeatedPtrField<std::string>& all,
                   const Checker& check) {
  for (int i = 0; i < all.size(); ++i) {
    const std::string& pattern = all.Get(i);
    const size_t star = pattern.find('*');
    const bool lower = base::AsciiLower(pattern) == pattern;
    if (pattern.empty() || !lower || (star != std::string::npos && star + 1 != pattern.size())) {
      check.Fail(absl::StrFormat("%s[%d]", field, i),
                 absl::StrFormat("'%s' is no header in lower case, with at most one '*' at its end",
                                 base::Printable(pattern)));
    }
  }
}

void CheckHooks(const v1::Callback& callback, const Checker& check) {
  if (callback.hook_points().empty()) {
    check.Fail("hook_points", "is empty: PRE_REQUEST, POST_REQUEST or both");
  }
  for (int i = 0; i < callback.hook_points_size(); ++i) {
    const int hook = callback.hook_points(i);
    check.KnownEnum(absl::StrFormat("hook_points[%d]", i), hook,
                    v1::HookPoint_IsValid(hook) && hook != v1::HOOK_POINT_UNSPECIFIED);
  }
}

void CheckModes(const v1::Callback& callback, const Checker& check) {
  check.KnownEnum("failure_mode", callback.failure_mode(),
                  v1::FailureMode_IsValid(callback.failure_mode()));
  check.KnownEnum("request_body_mode", callback.request_body_mode(),
                  v1::BodyMode_IsValid(callback.request_body_mode()));
  check.KnownEnum("response_body_mode", callback.response_body_mode(),
                  v1::BodyMode_IsValid(callback.response_body_mode()));
  check.KnownEnum("over_limit", callback.over_limit(),
                  v1::OverLimit_IsValid(callback.over_limit()));
}

}  // namespace

void CheckCallback(const v1::Callback& callback, const Checker& check) {
  const auto id = IdIn(kCallbacks, callback.name());
  if (!id || !IsId(*id)) {
    check.Fail("name",
               absl::StrFormat("'%s' is no name of a callback: callbacks/{id}, the id of 1 to "
                               "128 letters, digits, '.', '_' and '-'",
                               base::Printable(callback.name())));
  }
  if (const auto target = ParseCallbackTarget(callback.target()); !target.ok()) {
    check.Fail("target", std::string(base::StdView(target.status().message())));
  }
  if (callback.has_tls()) CheckTls(callback.tls(), check.In("tls"));
  CheckHooks(callback, check);
  CheckModes(callback, check);
  if (callback.order() < -1000 || callback.order() > 1000) {
    check.Fail("order", absl::StrFormat("%d is not allowed: -1000 to 1000", callback.order()));
  }
  if (callback.has_pre_deadline()) {
    check.Time("pre_deadline", callback.pre_deadline(), kMillisecond, kMinute);
  }
  if (callback.has_post_deadline()) {
    check.Time("post_deadline", callback.post_deadline(), kMillisecond, 5 * kMinute);
  }
  if (callback.has_max_body_bytes()) {
    check.Range("max_body_bytes", callback.max_body_bytes(), 1, kMaxBody);
  }
  if (callback.has_max_in_flight())
    check.Range("max_in_flight", callback.max_in_flight(), 1, 100000);
  const v1::CallbackHeaderRules& rules = callback.header_rules();
  CheckPatterns("header_rules.forward_allow", rules.forward_allow(), check);
  CheckPatterns("header_rules.forward_deny", rules.forward_deny(), check);
  CheckPatterns("header_rules.mutate_allow", rules.mutate_allow(), check);
  CheckPatterns("header_rules.mutate_deny", rules.mutate_deny(), check);
  const v1::CallbackBreaker& breaker = callback.breaker();
  if (breaker.has_consecutive_failures()) {
    check.Range("breaker.consecutive_failures", breaker.consecutive_failures(), 0, 1000);
  }
  if (breaker.has_open_duration()) {
    check.Time("breaker.open_duration", breaker.open_duration(), 100 * kMillisecond, 10 * kMinute);
  }
  if (callback.has_lease_ttl()) check.Time("lease_ttl", callback.lease_ttl(), kSecond, 24 * kHour);
}

}  // namespace vllm_router::config
