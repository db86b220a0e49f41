#include "server/callbacks/registration.h"

#include <chrono>

#include "server/config/checker.h"

namespace vllm_router::callbacks {
namespace {

constexpr base::Duration kPreDeadline = std::chrono::milliseconds(200);
constexpr base::Duration kPostDeadline = std::chrono::seconds(5);
constexpr uint32_t kMaxInFlight = 1000;
constexpr uint32_t kBreakerFailures = 5;
constexpr base::Duration kBreakerOpen = std::chrono::seconds(5);
// Headers with what protobuf puts around them, a model, an answer's status.
constexpr uint64_t kSmallPartsBytes = 64u << 10;

BreakerRule RuleOf(const v1::CallbackBreaker& breaker) {
  return {.failures = breaker.has_consecutive_failures() ? breaker.consecutive_failures()
                                                         : kBreakerFailures,
          .open = breaker.has_open_duration()
                      ? base::Duration(config::ToNanoseconds(breaker.open_duration()))
                      : kBreakerOpen};
}

size_t MaxAnswerBytes(const BodyRule& body) {
  const uint64_t replaced = body.mode == v1::BODY_MODE_FULL ? body.max_bytes : 0;
  return std::max(kMaxAnswerBodyBytes, replaced) + kSmallPartsBytes;
}

}  // namespace

Registration::Registration(const v1::Callback& callback)
    : name(callback.name()),
      order(callback.order()),
      models(callback.models().begin(), callback.models().end()),
      pre_deadline(callback.has_pre_deadline()
                       ? base::Duration(config::ToNanoseconds(callback.pre_deadline()))
                       : kPreDeadline),
      post_deadline(callback.has_post_deadline()
                        ? base::Duration(config::ToNanoseconds(callback.post_deadline()))
                        : kPostDeadline),
      request_body(RequestBodyRule(callback)),
      response_body(ResponseBodyRule(callback)),
      headers(callback.header_rules()),
      allow_answer(!callback.header_rules().has_allow_answer() ||
                   callback.header_rules().allow_answer()),
      fail_closed(callback.failure_mode() == v1::FAILURE_MODE_FAIL_CLOSED),
      max_in_flight(callback.has_max_in_flight() ? callback.max_in_flight() : kMaxInFlight),
      breaker(RuleOf(callback.breaker())),
      max_answer_bytes(MaxAnswerBytes(request_body)) {
  for (const int hook : callback.hook_points()) {
    pre |= hook == v1::HOOK_POINT_PRE_REQUEST;
    post |= hook == v1::HOOK_POINT_POST_REQUEST;
  }
}

}  // namespace vllm_router::callbacks
