// A registration as calls need it: the defaults of router.proto filled in, patterns taken apart.
// Made once when the configuration changes, from a message that config::CheckCallback passed.
// Immutable; thread-safe.
#ifndef SERVER_CALLBACKS_REGISTRATION_H_
#define SERVER_CALLBACKS_REGISTRATION_H_

#include <string>

#include "proto/router.pb.h"
#include "server/base/clock.h"
#include "server/callbacks/body_rule.h"
#include "server/callbacks/header_rules.h"

namespace vllm_router::callbacks {

struct Registration {
  explicit Registration(const v1::Callback& callback);

  bool Calls(v1::HookPoint hook) const { return hook == v1::HOOK_POINT_PRE_REQUEST ? pre : post; }

  std::string name;  // callbacks/{id}
  bool pre = false;  // which hooks are called
  bool post = false;
  base::Duration pre_deadline;
  base::Duration post_deadline;
  BodyRule request_body;
  BodyRule response_body;
  HeaderRules headers;
  bool allow_answer = true;
};

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_REGISTRATION_H_
