// A name to its addresses once, without anybody waiting for it longer than told: getaddrinfo takes
// many seconds when a name server is silent. For calls that are rare; names that are used again and
// again belong to net::Resolver. Thread-safe.
#ifndef SERVER_CALLBACKS_LOOKUP_H_
#define SERVER_CALLBACKS_LOOKUP_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/net/address.h"

namespace vllm_router::callbacks {

using Addresses = absl::StatusOr<std::vector<net::Address>>;
// May block.
using Resolve = std::function<Addresses(const std::string& host, uint16_t port)>;

// Lookups that run in the process at a time; one more is a ResourceExhaustedError. One that is
// given up counts until the system lets go of it.
inline constexpr int kMaxLookups = 16;

// `done` runs once: for an IP literal before this returns, else on a thread of the lookup or, with
// a DeadlineExceededError after `patience`, on one of gRPC's.
void LookUp(const std::string& host, uint16_t port, base::Duration patience, Resolve resolve,
            std::function<void(Addresses)> done);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_LOOKUP_H_
