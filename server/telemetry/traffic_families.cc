#include <algorithm>
#include <map>
#include <string_view>

#include "server/telemetry/families.h"

namespace vllm_router::telemetry {
namespace {

using stats::Cause;

// Bounds in seconds: those of the OpenTelemetry conventions. Some clients' requests take longer.
const std::vector<size_t>& FirstTokenBuckets() {
  static const std::vector<size_t> buckets = BucketsNear(
      {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30});
  return buckets;
}
const std::vector<size_t>& DurationBuckets() {
  static const std::vector<size_t> buckets = BucketsNear(
      {0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92});
  return buckets;
}
const std::vector<size_t>& ClientFirstTokenBuckets() {
  static const std::vector<size_t> buckets =
      BucketsNear({0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120});
  return buckets;
}
const std::vector<size_t>& ClientDurationBuckets() {
  static const std::vector<size_t> buckets =
      BucketsNear({0.02, 0.08, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84,
                   327.68, 655.36});
  return buckets;
}

// Visits every model on every backend that has been asked for it.
template <typename Visit>
void ForEachPair(const Reading& reading, Visit visit) {
  for (const BackendReading& backend : reading.backends) {
    for (const auto& [model, totals] : backend.models) visit(backend.url(), model, totals.traffic);
  }
}

// Requests by outcome and reason. Those that have not occurred are there as 0: rate() does not see
// the first events of a series that begins with them.
void AddEnds(const stats::TrafficTotals& totals, std::string_view model, Page* page) {
  const auto add = [&](std::string_view outcome, std::string_view reason, uint64_t count) {
    Labels labels = {{"outcome", outcome}, {"reason", reason}};
    if (!model.empty()) labels.insert(labels.begin(), {"model", model});
    page->Add(labels, static_cast<double>(count));
  };
  add("finished", WordOf(Cause::kCompleted), totals.finished);
  add("aborted", WordOf(Cause::kClientAborted), totals.aborted_by_client);
  for (size_t i = 0; i < stats::kCauses; ++i) {
    const auto cause = static_cast<Cause>(i);
    if (cause == Cause::kNone || cause == Cause::kCompleted || cause == Cause::kClientAborted) {
      continue;
    }
    add("failed", WordOf(cause), totals.failed.at(i));
  }
}

// How many backends there are for each model, which no other family tells before it is asked for.
void AddModelBackends(const Reading& reading, Page* page) {
  std::map<std::string_view, const fleet::Pool*> pools;
  for (const auto& [model, pool] : reading.snapshot->pools) pools.emplace(model, pool.get());
  page->Gauge("vllm_router_model_backends", "Backends that are to take requests for the model");
  for (const auto& [model, pool] : pools) {
    page->Add({{"model", model}}, static_cast<double>(pool->backends.size()));
  }
  page->Gauge("vllm_router_model_backends_available",
              "Those of them that are healthy and not ejected");
  for (const auto& [model, pool] : pools) {
    const auto available = std::count_if(
        pool->backends.begin(), pool->backends.end(), [&](const fleet::BackendPtr& backend) {
          return backend->runtime->healthy() && !backend->runtime->ejected(reading.now);
        });
    page->Add({{"model", model}}, static_cast<double>(available));
  }
}

}  // namespace

void AddGenAiFamilies(const Reading& reading, Page* page) {
  static const std::vector<size_t> tokens = BucketsNear(
      {0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5});
  const auto add = [&](std::string_view name, std::string_view help,
                       stats::HistogramTotals stats::TrafficTotals::*member,
                       const std::vector<size_t>& buckets) {
    page->Histogram(name, help);
    ForEachPair(reading, [&](std::string_view server, std::string_view model,
                             const stats::TrafficTotals& totals) {
      page->Add({{"gen_ai_request_model", model}, {"server", server}}, totals.*member, buckets);
    });
  };
  add("gen_ai_server_request_duration_seconds",
      "From the beginning of an attempt to the end of its answer, of answers that came whole",
      &stats::TrafficTotals::end_to_end, DurationBuckets());
  add("gen_ai_server_time_to_first_token_seconds",
      "From the beginning of an attempt to its first token, of streams",
      &stats::TrafficTotals::time_to_first_token, FirstTokenBuckets());
  add("gen_ai_server_time_per_output_token_seconds",
      "Between two tokens of a stream after the first", &stats::TrafficTotals::inter_token, tokens);
}

void AddTrafficFamilies(const Reading& reading, const stats::Registry& registry, Page* page) {
  const stats::RateWindow::Span span = registry.rate_window().Ending(reading.now);
  page->Counter("vllm_router_requests_total",
                "Requests for an engine that have ended, by outcome and reason");
  AddEnds(registry.Traffic(span), "", page);
  page->Counter("vllm_router_model_requests_total",
                "The same by model; `other` is every model that nobody serves");
  std::map<std::string_view, stats::TrafficTotals> models;  // those that were asked for
  const auto pools = registry.Models();
  for (const auto& pool : pools) {
    if (pool->Started() > 0) models.emplace(pool->model(), pool->Traffic(span));
  }
  for (const auto& [model, totals] : models) AddEnds(totals, model, page);
  page->Histogram("vllm_router_model_request_duration_seconds",
                  "From the first byte of a request to the end of its answer, of whole answers");
  for (const auto& [model, totals] : models) {
    page->Add({{"model", model}}, totals.end_to_end, ClientDurationBuckets());
  }
  page->Histogram("vllm_router_model_time_to_first_token_seconds",
                  "From the first byte of a request to its first token, of streams");
  for (const auto& [model, totals] : models) {
    page->Add({{"model", model}}, totals.time_to_first_token, ClientFirstTokenBuckets());
  }
  const auto per_pair = [&](std::string_view name, std::string_view help,
                            uint64_t stats::TrafficTotals::*member) {
    page->Counter(name, help);
    ForEachPair(reading, [&](std::string_view server, std::string_view model,
                             const stats::TrafficTotals& totals) {
      page->Add({{"server", server}, {"model", model}}, static_cast<double>(totals.*member));
    });
  };
  per_pair("vllm_router_backend_attempts_total", "Attempts on the engine that were begun",
           &stats::TrafficTotals::started);
  page->Counter("vllm_router_output_tokens_total",
                "Generated tokens by where their number is from: the answer's usage, or events");
  ForEachPair(reading, [&](std::string_view server, std::string_view model,
                           const stats::TrafficTotals& totals) {
    const auto add = [&](std::string_view source, uint64_t count) {
      page->Add({{"server", server}, {"model", model}, {"source", source}},
                static_cast<double>(count));
    };
    add("usage", totals.output_tokens_reported);
    add("events", totals.output_tokens_counted);
  });
  per_pair("vllm_router_live_output_tokens_total",
           "Generated tokens as they come, for rates over short times",
           &stats::TrafficTotals::output_tokens_live);
  per_pair("vllm_router_request_bytes_total", "Bytes of request bodies",
           &stats::TrafficTotals::request_bytes);
  per_pair("vllm_router_response_bytes_total", "Bytes of answer bodies",
           &stats::TrafficTotals::response_bytes);
}

void AddBackendFamilies(const Reading& reading, Page* page) {
  const auto each = [&](auto value) {
    for (const BackendReading& b : reading.backends) {
      const std::optional<double> number = value(b);
      if (number) page->Add({{"server", b.url()}}, *number);
    }
  };
  using Number = std::optional<double>;
  AddModelBackends(reading, page);
  page->Gauge("vllm_router_backend_in_flight", "Attempts in flight on the engine");
  each([](const BackendReading& b) -> Number { return b.backend->runtime->in_flight(); });
  page->Gauge("vllm_router_backend_accepts", "1 while the engine is to take new requests, else 0");
  each([](const BackendReading& b) -> Number {
    return b.backend->spec.admin_state == fleet::AdminState::kActive;
  });
  page->Gauge("vllm_router_backend_ejected", "1 while the engine is ejected for failing in a row");
  each([&](const BackendReading& b) -> Number { return b.backend->runtime->ejected(reading.now); });
  page->Counter("vllm_router_backend_ejections_total", "Times the engine was ejected");
  each([](const BackendReading& b) -> Number { return b.backend->runtime->ejections(); });
  page->Counter("vllm_router_backend_drain_aborts_total",
                "Requests that were cut because the deadline of a drain had passed");
  each([](const BackendReading& b) -> Number { return b.backend->runtime->aborted(); });
  const auto connections = [&](uint64_t stats::BackendConnections::*member) {
    each([member](const BackendReading& b) -> Number { return b.connections.*member; });
  };
  page->Gauge("vllm_router_backend_connections", "Open connections to the engine, idle ones too");
  connections(&stats::BackendConnections::open);
  page->Gauge("vllm_router_backend_connections_kept", "Connections to it that wait for a request");
  connections(&stats::BackendConnections::idle);
  page->Counter("vllm_router_backend_connections_made_total", "Connections made to the engine");
  connections(&stats::BackendConnections::made);

  const auto said = [&](std::optional<double> fleet::EngineReport::*member) {
    each([member](const BackendReading& b) {
      return b.engine.report ? (*b.engine.report).*member : std::nullopt;
    });
  };
  page->Gauge("vllm_router_engine_requests_running", "Requests at work in the engine, as it said");
  said(&fleet::EngineReport::running);
  page->Gauge("vllm_router_engine_requests_waiting", "Requests that wait in it, as it said");
  said(&fleet::EngineReport::waiting);
  page->Gauge("vllm_router_engine_kv_cache_usage", "Share of its KV cache in use, 0 to 1");
  said(&fleet::EngineReport::kv_cache_usage);
  page->Gauge("vllm_router_engine_report_age_seconds", "Age of what the engine said last");
  each([&](const BackendReading& b) -> Number {
    if (!b.engine.report) return std::nullopt;
    return base::ToSeconds(reading.now - b.engine.report_at);
  });
  page->Gauge("vllm_router_engine_report_failures",
              "Attempts to read the engine's metrics that failed in a row");
  each([](const BackendReading& b) -> Number { return b.engine.failures; });
  page->Gauge("vllm_router_in_flight_difference",
              "Attempts in flight less what the engine said of running and waiting requests");
  each([](const BackendReading& b) -> Number {
    // What a dead engine said last is no count of what runs now.
    if (b.engine.failures > 0 || !b.engine.report || !b.engine.report->running) return std::nullopt;
    return static_cast<double>(b.backend->runtime->in_flight()) - *b.engine.report->running -
           b.engine.report->waiting.value_or(0);
  });
}

}  // namespace vllm_router::telemetry
