// A registration as calls need it: the defaults of router.proto filled in, patterns taken apart.
// Made once when the configuration changes, from a message that config::CheckCallback passed.
// Immutable; thread-safe.
#ifndef SERVER_CALLBACKS_REGISTRATION_H_
#define SERVER_CALLBACKS_REGISTRATION_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/router.pb.h"
#include "server/base/clock.h"
#include "server/callbacks/body_rule.h"
#include "server/callbacks/breaker.h"
#include "server/callbacks/header_rules.h"

namespace vllm_router::callbacks {

struct Registration {
  explicit Registration(const v1::Callback& callback);

  bool Calls(v1::HookPoint hook) const { return hook == v1::HOOK_POINT_PRE_REQUEST ? pre : post; }

  // Whether it gets the requests for a model; "" are those that name none.
  bool Wants(std::string_view model) const {
    return models.empty() || std::find(models.begin(), models.end(), model) != models.end();
  }

  std::string name;  // callbacks/{id}
  int32_t order = 0;
  std::vector<std::string> models;  // none: all, and requests without a model
  bool pre = false;                 // which hooks are called
  bool post = false;
  base::Duration pre_deadline;
  base::Duration post_deadline;
  BodyRule request_body;
  BodyRule response_body;
  HeaderRules headers;
  bool allow_answer = true;
  bool fail_closed = false;
  uint32_t max_in_flight = 0;
  BreakerRule breaker;
  // The longest message that may come back from PreRequest: what PreRequestResponse may hold, and a
  // replaced body only where the registration lets the service see one.
  size_t max_answer_bytes = 0;
};

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_REGISTRATION_H_
