#include "server/app/live_requests.h"

#include <algorithm>
#include <utility>

#include "server/app/to_proto.h"

namespace vllm_router::app {
namespace {

using Requests = std::vector<gateway::LiveRequest>;

// Of all shards, oldest first.
std::vector<admin::Process::InFlight> Merge(const std::vector<Requests>& by_shard, size_t limit) {
  const admin::Moment moment = admin::Moment::Of(base::Clock::Real());
  std::vector<admin::Process::InFlight> all;
  for (const Requests& requests : by_shard) {
    for (const gateway::LiveRequest& request : requests) all.push_back(ToProto(request, moment));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.began != b.began ? a.began < b.began : a.number < b.number;
  });
  if (all.size() > limit) all.resize(limit);
  return all;
}

}  // namespace

template <typename Answer>
void LiveRequests::Gather(std::function<Answer(gateway::ShardGateway&)> ask,
                          std::function<void(std::vector<Answer>)> done) {
  auto answers = std::make_shared<std::vector<Answer>>(shards_.size());
  shards_.Broadcast(
      [this, answers, ask = std::move(ask)](net::Shard& shard) {
        (*answers)[shard.index()] = ask(*gateways_[shard.index()]);
      },
      [answers, done = std::move(done)] { done(std::move(*answers)); });
}

void LiveRequests::List(const admin::Process::InFlightQuery& query, admin::Process::Found done) {
  const gateway::LiveFilter filter = ToFilter(query, base::Clock::Real().Now());
  Gather<Requests>(
      [filter, limit = query.limit](gateway::ShardGateway& gateway) {
        Requests requests;
        gateway.ListLive(filter, limit, &requests);
        return requests;
      },
      [limit = query.limit, done = std::move(done)](const std::vector<Requests>& by_shard) {
        done(Merge(by_shard, limit));
      });
}

void LiveRequests::Abort(const admin::Process::InFlightQuery& query, admin::Process::Found done) {
  const gateway::LiveFilter filter = ToFilter(query, base::Clock::Real().Now());
  Gather<Requests>([filter](gateway::ShardGateway& gateway) { return gateway.Abort(filter); },
                   [limit = query.limit, done = std::move(done)](
                       const std::vector<Requests>& by_shard) { done(Merge(by_shard, limit)); });
}

void LiveRequests::AbortOnBackend(const std::string& backend_id,
                                  std::function<void(uint64_t)> done) {
  gateway::LiveFilter filter;
  filter.backend_id = backend_id;
  Gather<uint64_t>(
      [filter](gateway::ShardGateway& gateway) { return uint64_t{gateway.Abort(filter).size()}; },
      [done = std::move(done)](const std::vector<uint64_t>& cut) {
        uint64_t sum = 0;
        for (const uint64_t one : cut) sum += one;
        done(sum);
      });
}

void LiveRequests::Find(const std::string& http_request_id, std::function<void(Trace)> done) {
  Gather<Trace>(
      [http_request_id](gateway::ShardGateway& gateway) {
        return gateway.FindRequest(http_request_id);
      },
      [done = std::move(done)](std::vector<Trace> traces) {
        Trace best;
        for (Trace& trace : traces) {
          const bool better =
              trace && (!best || (trace->running && !best->running) ||
                        (trace->running == best->running && trace->seen > best->seen));
          if (better) best = std::move(trace);
        }
        done(std::move(best));
      });
}

}  // namespace vllm_router::app
