// The requests of all shards, for the admin service: asked on each shard's thread, put together
// when all have answered. Nobody waits for a shard. Thread-safe; ends before the shards do.
#ifndef SERVER_APP_LIVE_REQUESTS_H_
#define SERVER_APP_LIVE_REQUESTS_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/admin/process.h"
#include "server/gateway/shard_gateway.h"
#include "server/net/shard.h"

namespace vllm_router::app {

class LiveRequests {
 public:
  using Gateways = std::vector<std::unique_ptr<gateway::ShardGateway>>;
  // Both outlive the object; there is a gateway for each shard.
  LiveRequests(net::ShardSet& shards, const Gateways& gateways)
      : shards_(shards), gateways_(gateways) {}

  // `done` runs on the thread of a shard: it must be quick.
  void List(const admin::Process::InFlightQuery& query, admin::Process::Found done);
  void Abort(const admin::Process::InFlightQuery& query, admin::Process::Found done);
  void AbortOnBackend(const std::string& backend_id, std::function<void(uint64_t)> done);
  // The request of that X-Request-Id that runs, else the last one that has ended.
  using Trace = std::optional<gateway::RequestTrace>;
  void Find(const std::string& http_request_id, std::function<void(Trace)> done);

 private:
  // Asks every shard's gateway and gives all answers to `done`, in the order of the shards.
  template <typename Answer>
  void Gather(std::function<Answer(gateway::ShardGateway&)> ask,
              std::function<void(std::vector<Answer>)> done);

  net::ShardSet& shards_;
  const Gateways& gateways_;
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_LIVE_REQUESTS_H_
