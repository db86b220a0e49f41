// One call of a callback service with a made-up request, outside of the chain and its breaker, over
// a connection of its own: what TestCallback of the admin API does. Nobody waits in here;
// thread-safe.
#ifndef SERVER_CALLBACKS_TRIAL_H_
#define SERVER_CALLBACKS_TRIAL_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "proto/router.pb.h"
#include "server/callbacks/lookup.h"
#include "server/net/event_loop.h"
#include "server/net/network.h"
#include "server/net/resolver.h"

namespace vllm_router::callbacks {

// What holds for all callbacks.
struct TrialOptions {
  std::vector<net::Network> allowed_networks;  // empty: all
  uint64_t max_request_body_bytes = uint64_t{64} << 20;
  Resolve resolve = net::ResolveWithSystem;
};
TrialOptions TrialOptionsOf(const v1::Limits& limits);

// Calls `callback` as `request` says and hands over what came of it; a service that fails is such
// an answer, too. Connecting counts against the deadline of the hook, and is part of the latency.
// All of it happens on the thread of `loop`, which must run until `done` has: once, soon after that
// deadline at the latest.
void Try(net::EventLoop& loop, const v1::Callback& callback, const v1::TestCallbackRequest& request,
         const TrialOptions& options, std::function<void(v1::TestCallbackResponse)> done);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_TRIAL_H_
