// What TestCallback sends: the facts that the caller gives, or those of a small made-up chat, as
// the registration would let them travel. Pure functions; thread-safe.
#ifndef SERVER_CALLBACKS_TRIAL_REQUEST_H_
#define SERVER_CALLBACKS_TRIAL_REQUEST_H_

#include "absl/status/statusor.h"
#include "proto/callback.pb.h"
#include "proto/router.pb.h"
#include "server/base/clock.h"
#include "server/callbacks/registration.h"

namespace vllm_router::callbacks {

// A whole request that nobody sent: what is tried when the caller names no facts.
v1::RequestFacts MadeUpFacts(const v1::Callback& callback, base::WallTime now);

// The call as it is made: headers filtered, bodies cut. FailedPreconditionError when a body is over
// the limit and the registration says that then no call is made.
absl::StatusOr<v1::PreRequestRequest> PreRequestFor(const v1::RequestFacts& facts,
                                                    const Registration& registration);
// Of a request that was answered with a made-up chat completion.
absl::StatusOr<v1::PostRequestRequest> PostRequestFor(const v1::RequestFacts& facts,
                                                      const Registration& registration);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_TRIAL_REQUEST_H_
