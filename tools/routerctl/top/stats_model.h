// What a stream of WatchStats adds up to: the gauges as they are now, counters over the last
// interval, latencies over the last seconds. Until the first delta the interval is the time since
// the start of the router. A value: copying it freezes it. Not thread-safe.
#ifndef TOOLS_ROUTERCTL_TOP_STATS_MODEL_H_
#define TOOLS_ROUTERCTL_TOP_STATS_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "proto/router.pb.h"
#include "tools/routerctl/top/window.h"

namespace vllm_router::routerctl::top {

// One router, model, backend or shard.
template <typename Stats>
struct Entry {
  Stats last;             // as the last message that had it told it
  TrafficWindow latency;  // not of shards
  Window loop_delay;      // of shards only
  uint64_t told_in = 0;   // number of that message
};

// Counters over the last interval, per second.
struct Rates {
  double requests = 0;
  double failures = 0;
  double failed_share = 0;  // of the requests that ended, 0 to 1
  double tokens = 0;        // generated
};

class StatsModel {
 public:
  // A snapshot begins anew, also in the middle: the stream had been lost.
  void Apply(const v1::WatchStatsResponse& event);

  bool empty() const { return messages_ == 0; }
  // Only a snapshot so far: everything is since the start of the router.
  bool since_start() const { return since_start_; }
  absl::Duration interval() const { return end_ - start_; }
  // How far back latencies reach.
  absl::Duration latency_window() const { return end_ - older_begin_; }
  absl::Duration uptime() const { return end_ - router_start_; }
  absl::Time end() const { return end_; }

  const v1::HistogramLayout& layout() const { return layout_; }
  const Entry<v1::RouterStats>& router() const { return router_; }
  const std::map<std::string, Entry<v1::ModelStats>>& models() const { return models_; }
  const std::map<std::string, Entry<v1::BackendStats>>& backends() const { return backends_; }
  const std::map<uint32_t, Entry<v1::ShardStats>>& shards() const { return shards_; }

  // Of an entry's traffic; all zero when the last message left it out, since nothing moved.
  template <typename Stats>
  Rates RatesOf(const Entry<Stats>& entry) const {
    return entry.told_in == messages_ ? RatesOf(entry.last.traffic()) : Rates();
  }
  // Processors that it kept busy over the last interval.
  template <typename Stats>
  double CpuOf(const Entry<Stats>& entry) const {
    return entry.told_in == messages_ ? PerSecond(Seconds(entry.last.cpu_time())) : 0;
  }

 private:
  Rates RatesOf(const v1::TrafficStats& traffic) const;
  double PerSecond(double count) const;
  static double Seconds(const google::protobuf::Duration& duration);
  void Take(const v1::StatsTable& table);
  template <typename Stats>
  void TakeTraffic(const Stats& stats, Entry<Stats>* entry);
  void TurnWindows();

  uint64_t messages_ = 0;
  bool since_start_ = false;
  absl::Time router_start_;
  absl::Time start_;  // of the last interval
  absl::Time end_;
  absl::Time older_begin_;  // of the two halves of the windows
  absl::Time newer_begin_;
  v1::HistogramLayout layout_;
  Entry<v1::RouterStats> router_;
  std::map<std::string, Entry<v1::ModelStats>> models_;
  std::map<std::string, Entry<v1::BackendStats>> backends_;
  std::map<uint32_t, Entry<v1::ShardStats>> shards_;
};

uint64_t FailedRequests(const v1::TrafficStats& traffic);

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_STATS_MODEL_H_
