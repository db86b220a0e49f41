// What one scrape, or one block of statistics in the log, is made from: the figures of all backends
// at one moment, and where the rest is to be asked for. Read on the monitor's thread.
#ifndef SERVER_TELEMETRY_READING_H_
#define SERVER_TELEMETRY_READING_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "server/fleet/engine_report.h"
#include "server/fleet/snapshot.h"
#include "server/stats/callback_stats.h"
#include "server/stats/registry.h"
#include "server/telemetry/trend.h"

namespace vllm_router::telemetry {

struct LoopFigures {
  uint64_t turns = 0;
  double busy_seconds = 0;
  double longest_turn_seconds = 0;
};

// How a file fares that takes effect again when it changes.
struct FileFigures {
  std::string what;  // "configuration file"
  uint64_t errors = 0;
  double last_success = 0;  // seconds since 1970
  bool refused = false;     // its newest content is not in force
};

// How often the admin service was called.
struct AdminCalls {
  std::string rpc;
  std::string code;  // of gRPC, such as "OK"
  uint64_t count = 0;
};

// One callback, and what all of them keep.
struct CallbackReading {
  std::string name;  // callbacks/{id}
  stats::CallbackTotals totals;
  uint64_t in_flight = 0;
  // Whether the breakers of its hooks are open.
  bool pre_open = false;
  bool post_open = false;
};
struct CallbackFigures {
  std::vector<CallbackReading> callbacks{};  // in the order in which they run
  uint64_t memory_bytes = 0;
};

// How the process of the Python handler (--callbacks) fares; nothing where there is none.
struct CallbackHostFigures {
  bool down = false;
  uint64_t restarts = 0;
};

// Of the process; each may be called from the monitor's thread at any time.
struct Sources {
  std::function<fleet::SnapshotPtr()> snapshot;  // in effect
  std::function<LoopFigures(size_t shard)> loop;
  std::function<uint64_t()> connections_accepted;
  std::function<uint64_t()> connections_refused;
  std::function<uint64_t()> queued_requests;
  std::function<uint64_t()> admin_watchers;
  std::function<std::vector<AdminCalls>()> admin_calls;
  std::function<std::vector<FileFigures>()> files;
  std::function<CallbackFigures()> callbacks;
  std::function<CallbackHostFigures()> callback_host;
  std::function<uint64_t()> log_bytes_dropped;
  std::function<uint64_t()> access_lines_dropped;
};

struct BackendReading {
  fleet::BackendPtr backend;
  stats::TrafficTotals traffic;  // of all its models
  std::map<std::string_view, stats::BackendStats::ModelTotals> models;
  stats::BackendConnections connections;
  fleet::EngineReading engine;
  // Means over the window; nullopt: nothing happened in it.
  std::optional<double> latency_seconds;
  std::optional<double> first_token_seconds;
  std::optional<double> inter_token_seconds;
  std::optional<double> output_tokens;

  std::string_view url() const { return backend->spec.url.text; }
};

struct Reading {
  base::TimePoint now;
  fleet::SnapshotPtr snapshot;
  std::vector<BackendReading> backends;  // in the order of the configuration
};

// Takes readings, and remembers what means over the window need. Belongs to one thread.
class Reader {
 public:
  // Both outlive the reader.
  Reader(const stats::Registry& registry, const base::Clock& clock)
      : registry_(registry), clock_(clock) {}

  // To be called every Interval(): remembers where the figures stand.
  void Remember(const fleet::SnapshotPtr& snapshot);
  base::Duration Interval() const { return registry_.rate_window().length() / Trend::kParts; }

  Reading Read(fleet::SnapshotPtr snapshot) const;

 private:
  const stats::Registry& registry_;
  const base::Clock& clock_;
  // By the incarnation of the backend's figures, which begin anew with it.
  std::map<uint64_t, Trend> trends_;
};

}  // namespace vllm_router::telemetry

#endif  // SERVER_TELEMETRY_READING_H_
