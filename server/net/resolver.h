// Names to addresses, off the shards: getaddrinfo blocks, for many seconds when a name server is
// silent, so it runs on threads of the resolver's own, each name on another one. Whoever opens
// connections is told of the result and never waits for it.
//
//   Resolver resolver({}, [](const std::string& host, uint16_t port, std::vector<Address> set)
//   {...}); resolver.SetNames({{"engine-1", 8000}, {"10.0.0.7", 8000}});
//
// Names are asked for again and again (see NameTable for the pace); the last good set stays in
// force while a name fails. The log gets one WARNING when a name begins to fail and one INFO when
// it is back. Thread-safe. The destructor is quick: a thread that is still inside getaddrinfo ends
// by itself later and tells nobody.
#ifndef SERVER_NET_RESOLVER_H_
#define SERVER_NET_RESOLVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/net/address.h"
#include "server/net/name_table.h"

namespace vllm_router::net {

// getaddrinfo for stream sockets, in its order; families that this host has no address of are left
// out. Blocks. UnavailableError holds the system's words.
absl::StatusOr<std::vector<Address>> ResolveWithSystem(const std::string& host, uint16_t port);

struct ResolverOptions {
  ResolvePace pace = {};
  // At most so many names are asked for at once. Threads are started when they are needed.
  size_t max_threads = 16;
  // May block. Runs on several threads at once, and must stay callable after the resolver's end
  // until its last call has returned.
  std::function<absl::StatusOr<std::vector<Address>>(const std::string& host, uint16_t port)>
      resolve = ResolveWithSystem;
  // Nothing goes to the log: somebody else resolves the same names and says what is to be said.
  bool quiet = false;
};

class Resolver {
 public:
  // `addresses` is never empty. Calls do not overlap, come from any thread and must not call the
  // resolver back.
  using OnChange =
      std::function<void(const std::string& host, uint16_t port, std::vector<Address> addresses)>;

  Resolver(ResolverOptions options, OnChange on_change);
  // When it returns, on_change is not running and will not be called again.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Declares all wanted names. Before it returns, on_change is called for each one whose addresses
  // are known, new ones that are IP literals included; so who has just begun to care about a name
  // need not ask. It is not called again for a name that is no longer wanted.
  void SetNames(std::vector<HostPort> names);

  // Waits until every wanted name has been asked for at least once, with whatever result, and
  // on_change has returned. False: `timeout` was over first.
  bool WaitForFirstRound(base::Duration timeout);

 private:
  class Core;
  std::shared_ptr<Core> core_;  // shared with the threads
};

}  // namespace vllm_router::net

#endif  // SERVER_NET_RESOLVER_H_
