// WatchStats: a snapshot, then what moved in each interval.
#include <utility>

#include "server/admin/service.h"
#include "server/admin/stats_stream.h"
#include "server/admin/watcher.h"

namespace vllm_router::admin {
namespace {

using Response = v1::WatchStatsResponse;

class StatsWatcher final : public Watcher<Response> {
 public:
  StatsWatcher(Gate& gate, WatchLoop& loop, const v1::WatchStatsRequest& request,
               StatsSampler& sampler)
      : Watcher(gate, loop, StatsInterval(request)),
        sampler_(sampler),
        filter_(request),
        max_age_(StatsInterval(request) / 4),
        stream_(sampler.started()) {}

 private:
  // Only the first message does not wait for its interval; what is new between two is told by the
  // next. It is no older than the call: who comes back, or has asked in another way before, must
  // not be sent into the past.
  bool Next(Response* message) override {
    return !std::exchange(begun_, true) && TakeInterval(base::Duration(0), message);
  }
  bool OnInterval(Response* message, bool writing) override {
    return TakeInterval(max_age_, writing ? nullptr : message);
  }
  void OnWritten() override { stream_.OnWritten(); }

  bool TakeInterval(base::Duration max_age, Response* message) {
    const Response* next = stream_.OnInterval(sampler_.Take(filter_, max_age));
    if (next == nullptr || message == nullptr) return false;
    *message = *next;
    return true;
  }

  StatsSampler& sampler_;
  const StatsFilter filter_;
  const base::Duration max_age_;
  StatsStream stream_;
  bool begun_ = false;
};

}  // namespace

grpc::ServerWriteReactor<Response>* Service::WatchStats(Context* context,
                                                        const v1::WatchStatsRequest* request) {
  const auto caller = gate_.AdmitWatcher(*context, "WatchStats");
  if (!caller.ok()) return new RefusedStream<Response>(caller.failure());
  if (auto violations = CheckStatsRequest(*request); !violations.empty()) {
    gate_.LeaveWatcher();
    return new RefusedStream<Response>(base::InvalidFields(std::move(violations)));
  }
  auto* watcher = new StatsWatcher(gate_, watches_, *request, *process_.stats);
  watcher->Open();
  return watcher;
}

}  // namespace vllm_router::admin
