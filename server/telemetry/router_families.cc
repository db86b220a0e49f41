#include <string>

#include "server/telemetry/families.h"

namespace vllm_router::telemetry {
namespace {

// Samples of the family that was begun, by shard.
template <typename Value>
void AddPerShard(const stats::Registry& registry, Value value, Page* page) {
  for (size_t i = 0; i < registry.shards(); ++i) {
    page->Add({{"shard", std::to_string(i)}}, static_cast<double>(value(i)));
  }
}

struct ShardFamily {
  std::string_view name;
  std::string_view help;
  stats::Cell stats::ShardStats::*member;
};

constexpr ShardFamily kCounters[] = {
    {"vllm_router_clients_gone_total", "Clients that left before their answer was complete",
     &stats::ShardStats::clients_gone},
    {"vllm_router_streams_broken_total", "Answers that an engine broke off",
     &stats::ShardStats::streams_broken},
    {"vllm_router_retries_total", "Attempts after a request's first one",
     &stats::ShardStats::retries},
    {"vllm_router_failover_refused_total", "Retries that the budget did not allow in time",
     &stats::ShardStats::failover_refused},
    {"vllm_router_stale_connections_total",
     "Kept engine connections that were dead and were replaced",
     &stats::ShardStats::stale_connections},
    {"vllm_router_bad_requests_total", "Requests refused as unacceptable HTTP",
     &stats::ShardStats::bad_requests},
    {"vllm_router_slow_client_pauses_total",
     "Times that reading from an engine stopped because a client did not read",
     &stats::ShardStats::slow_client_pauses}};

constexpr ShardFamily kGauges[] = {
    {"vllm_router_active_requests", "Requests being worked on",
     &stats::ShardStats::active_requests},
    {"vllm_router_client_connections", "Open client connections", &stats::ShardStats::sessions},
    {"vllm_router_backend_connections_open", "Open connections to engines",
     &stats::ShardStats::backend_connections_open},
    {"vllm_router_backend_connections_idle", "Kept connections to engines without a request",
     &stats::ShardStats::backend_connections_idle},
    {"vllm_router_blocked_streams", "Answers whose engine is not read because the client is slow",
     &stats::ShardStats::blocked_streams},
    {"vllm_router_shard_config_generation", "Generation of the configuration that it routes by",
     &stats::ShardStats::generation}};

void AddShards(const stats::Registry& registry, const Sources& sources, Page* page) {
  page->Counter("vllm_router_answers_total", "Complete answers to clients by status class");
  for (size_t i = 0; i < registry.shards(); ++i) {
    for (size_t code = 2; code <= 5; ++code) {
      page->Add({{"shard", std::to_string(i)}, {"class", std::to_string(code) + "xx"}},
                static_cast<double>(registry.shard(i).answers_by_class.at(code).Read()));
    }
  }
  const auto add = [&](const ShardFamily& family) {
    AddPerShard(
        registry, [&](size_t i) { return (registry.shard(i).*family.member).Read(); }, page);
  };
  for (const ShardFamily& family : kCounters) {
    page->Counter(family.name, family.help);
    add(family);
  }
  for (const ShardFamily& family : kGauges) {
    page->Gauge(family.name, family.help);
    add(family);
  }
  page->Counter("vllm_router_shard_turns_total", "Turns of the shard's event loop");
  AddPerShard(
      registry, [&](size_t i) { return sources.loop(i).turns; }, page);
  page->Counter("vllm_router_shard_busy_seconds_total", "Time spent in turns of the event loop");
  AddPerShard(
      registry, [&](size_t i) { return sources.loop(i).busy_seconds; }, page);
  page->Gauge("vllm_router_shard_longest_turn_seconds", "Longest turn of the event loop so far");
  AddPerShard(
      registry, [&](size_t i) { return sources.loop(i).longest_turn_seconds; }, page);
}

void AddDelays(const stats::Registry& registry, Page* page) {
  static const std::vector<size_t> added = BucketsNear(
      {0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1});
  static const std::vector<size_t> delays =
      BucketsNear({0.00005, 0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1});
  stats::HistogramTotals latency;
  for (size_t i = 0; i < registry.shards(); ++i) registry.shard(i).added_latency.AddTo(&latency);
  page->Histogram("vllm_router_added_latency_seconds",
                  "From a request's arrival to its being sent on, without queue and retries");
  page->Add({}, latency, added);
  page->Histogram("vllm_router_shard_loop_delay_seconds",
                  "Length of a turn of the event loop: what falls due meanwhile waits");
  for (size_t i = 0; i < registry.shards(); ++i) {
    stats::HistogramTotals delay;
    registry.shard(i).loop_delay.AddTo(&delay);
    page->Add({{"shard", std::to_string(i)}}, delay, delays);
  }
}

void AddFiles(const std::vector<FileFigures>& files, Page* page) {
  page->Counter("vllm_router_file_errors_total",
                "Contents of the file that could not be taken while the router ran");
  for (const FileFigures& file : files) {
    page->Add({{"file", file.what}}, static_cast<double>(file.errors));
  }
  page->Gauge("vllm_router_file_last_success_timestamp_seconds",
              "When the content of the file that is in force was read, in seconds since 1970");
  for (const FileFigures& file : files) page->Add({{"file", file.what}}, file.last_success);
  page->Gauge("vllm_router_file_refused",
              "1 while the newest content of the file could not be taken, else 0");
  for (const FileFigures& file : files) page->Add({{"file", file.what}}, file.refused);
}

}  // namespace

void AddRouterFamilies(const Reading& reading, const stats::Registry& registry,
                       const Sources& sources, Page* page) {
  const auto one = [page](double value) { page->Add({}, value); };
  page->Gauge("vllm_router_config_generation", "Generation of the configuration in force");
  one(static_cast<double>(reading.snapshot->generation));
  page->Counter("vllm_router_connections_accepted_total", "Client connections accepted");
  one(static_cast<double>(sources.connections_accepted()));
  page->Counter("vllm_router_connections_refused_total",
                "Client connections refused because --max-connections was reached");
  one(static_cast<double>(sources.connections_refused()));
  page->Gauge("vllm_router_queued_requests", "Requests that wait for their admission");
  one(static_cast<double>(sources.queued_requests()));
  page->Gauge("vllm_router_admin_watchers", "Open streams of the admin service");
  one(static_cast<double>(sources.admin_watchers()));
  page->Counter("vllm_router_admin_calls_total", "Calls of the admin service that have ended");
  for (const AdminCalls& calls : sources.admin_calls()) {
    page->Add({{"rpc", calls.rpc}, {"code", calls.code}}, static_cast<double>(calls.count));
  }
  const CallbackHostFigures callback_host = sources.callback_host();
  page->Gauge("vllm_router_callback_host_down",
              "1 while there should be a process for the Python handler of --callbacks and it does "
              "not serve, else 0");
  one(callback_host.down);
  page->Counter("vllm_router_callback_host_restarts_total",
                "Times that the process of the Python handler was started again");
  one(static_cast<double>(callback_host.restarts));
  page->Counter("vllm_router_log_dropped_bytes_total",
                "Bytes of log lines that were dropped because nobody took them in time");
  one(static_cast<double>(sources.log_bytes_dropped()));
  page->Counter("vllm_router_access_log_dropped_total",
                "Lines of the access log that were dropped because nobody took them in time");
  one(static_cast<double>(sources.access_lines_dropped()));
  AddShards(registry, sources, page);
  AddDelays(registry, page);
  AddFiles(sources.files(), page);
}

}  // namespace vllm_router::telemetry
