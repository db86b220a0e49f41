#include "server/callbacks/registration.h"

#include <chrono>

#include "server/config/checker.h"

namespace vllm_router::callbacks {
namespace {

constexpr base::Duration kPreDeadline = std::chrono::milliseconds(200);
constexpr base::Duration kPostDeadline = std::chrono::seconds(5);

}  // namespace

Registration::Registration(const v1::Callback& callback)
    : name(callback.name()),
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
                   callback.header_rules().allow_answer()) {
  for (const int hook : callback.hook_points()) {
    pre |= hook == v1::HOOK_POINT_PRE_REQUEST;
    post |= hook == v1::HOOK_POINT_POST_REQUEST;
  }
}

}  // namespace vllm_router::callbacks
