// Sources: docs/compatibility.md, and the original's metrics service.
#include "server/base/strings.h"
#include "server/telemetry/families.h"

namespace vllm_router::telemetry {
namespace {

using stats::LatencyOf;

template <typename Value>
void AddPerServer(const Reading& reading, std::string_view name, std::string_view help, Value value,
                  Page* page) {
  page->Gauge(name, help);
  for (const BackendReading& backend : reading.backends) {
    const std::optional<double> number = value(backend);
    if (number) page->Add({{"server", backend.url()}}, *number);
  }
}

void AddRequestGauges(const Reading& reading, Page* page) {
  using Number = std::optional<double>;
  AddPerServer(
      reading, "vllm:current_qps",
      "Requests begun per second on the engine, over --request-stats-window",
      [](const BackendReading& b) -> Number { return b.traffic.qps; }, page);
  AddPerServer(
      reading, "vllm:avg_decoding_length",
      "Mean number of output tokens over the window, -1: no request has ended in it",
      [](const BackendReading& b) -> Number { return b.output_tokens.value_or(-1); }, page);
  AddPerServer(
      reading, "vllm:num_prefill_requests", "Requests on the engine that have no first token yet",
      [](const BackendReading& b) -> Number { return b.traffic.in_prefill; }, page);
  AddPerServer(
      reading, "vllm:num_decoding_requests", "Requests on the engine whose answer has begun",
      [](const BackendReading& b) -> Number { return b.traffic.in_decode; }, page);
  AddPerServer(
      reading, "vllm:num_requests_running", "Requests on the engine, as the router counts",
      [](const BackendReading& b) -> Number { return b.traffic.in_prefill + b.traffic.in_decode; },
      page);
  AddPerServer(
      reading, "vllm:avg_latency",
      "Mean seconds to the end of an answer over the window, -1: none has ended in it",
      [](const BackendReading& b) -> Number { return b.latency_seconds.value_or(-1); }, page);
  AddPerServer(
      reading, "vllm:avg_itl",
      "Mean seconds between two tokens over the window, -1: there were none",
      [](const BackendReading& b) -> Number { return b.inter_token_seconds.value_or(-1); }, page);
  AddPerServer(
      reading, "vllm:num_requests_swapped", "Always 0: engines do not swap requests out any more",
      [](const BackendReading&) -> Number { return 0; }, page);
  AddPerServer(
      reading, "vllm:healthy_pods_total", "1 while the engine is healthy, else 0",
      [](const BackendReading& b) -> Number { return b.backend->runtime->healthy(); }, page);
}

// What the engine has never said is left out.
void AddEngineGauges(const Reading& reading, Page* page) {
  const auto add = [&](std::string_view name, std::string_view help,
                       std::optional<double> fleet::EngineReport::*member) {
    AddPerServer(
        reading, name, help,
        [member](const BackendReading& b) {
          return b.engine.report ? (*b.engine.report).*member : std::nullopt;
        },
        page);
  };
  using fleet::EngineReport;
  add("vllm:num_requests_waiting", "Requests that wait in the engine, as it said last",
      &EngineReport::waiting);
  add("vllm:gpu_prefix_cache_hit_rate",
      "Share of tokens found in the engine's prefix cache, 0 to 1",
      &EngineReport::prefix_cache_hit_rate);
  add("vllm:gpu_prefix_cache_hits_total",
      "Tokens found in the engine's prefix cache since its start",
      &EngineReport::prefix_cache_hits);
  add("vllm:gpu_prefix_cache_queries_total",
      "Tokens looked up in the engine's prefix cache since its start",
      &EngineReport::prefix_cache_queries);
}

void AddCounters(const Reading& reading, const stats::Registry& registry, Page* page) {
  page->Counter("vllm:num_incoming_requests_total", "Requests that named a model");
  for (const auto& model : registry.Models()) {
    if (model->Incoming() > 0) {
      page->Add({{"model", model->model()}}, static_cast<double>(model->Incoming()));
    }
  }
  const auto tokens = [&](auto read) {
    for (const BackendReading& backend : reading.backends) {
      for (const auto& [model, totals] : backend.models) {
        page->Add({{"server", backend.url()}, {"model", model}},
                  static_cast<double>(read(totals.traffic)));
      }
    }
  };
  page->Counter("vllm:input_tokens_total", "Prompt tokens, as far as answers say");
  tokens([](const stats::TrafficTotals& t) { return t.input_tokens; });
  page->Counter("vllm:output_tokens_total",
                "Generated tokens: what answers say, else events with content");
  tokens([](const stats::TrafficTotals& t) { return t.output_tokens(); });
  page->Counter("vllm:request_errors_total", "Attempts that an engine failed");
  for (const stats::ErrorCount& error : registry.Errors()) {
    page->Add({{"server", error.server}, {"model", error.model}, {"error_type", error.type}},
              static_cast<double>(error.count));
  }
}

void AddLatency(const Reading& reading, Page* page) {
  page->Histogram("vllm:request_latency_seconds",
                  "From the beginning of an attempt on the engine to its end");
  constexpr std::pair<LatencyOf, std::string_view> kStatuses[] = {
      {LatencyOf::kSuccess, "success"},
      {LatencyOf::kError, "error"},
      {LatencyOf::kClientAborted, "client_aborted"}};
  for (const BackendReading& backend : reading.backends) {
    for (const auto& [model, totals] : backend.models) {
      for (const auto& [of, status] : kStatuses) {
        const stats::LatencyTotals& latency = totals.latency[static_cast<size_t>(of)];
        if (latency.Count() == 0) continue;
        page->Add({{"server", backend.url()}, {"model", model}, {"status", status}}, latency);
      }
    }
  }
}

}  // namespace

void AddOriginalFamilies(const Reading& reading, const stats::Registry& registry, Page* page) {
  AddRequestGauges(reading, page);
  AddEngineGauges(reading, page);
  AddCounters(reading, registry, page);
  AddLatency(reading, page);
}

void AddHostFamilies(const HostFigures& host, Page* page) {
  const auto gauge = [page](std::string_view name, std::string_view help, auto value) {
    page->Gauge(name, help);
    if (value) page->Add({}, static_cast<double>(*value));
  };
  gauge("router_cpu_usage_percent", "Use of the machine's processors since the scrape before",
        host.cpu_percent);
  gauge("router_memory_usage_percent", "Use of the machine's memory", host.memory_percent);
  gauge("router_disk_usage_percent", "Use of the file system of /", host.disk_percent);
  page->Counter("process_cpu_seconds_total", "Processor time that the router has used");
  page->Add({}, base::ToSeconds(host.process.cpu_time));
  page->Gauge("process_resident_memory_bytes", "Resident memory of the router");
  page->Add({}, static_cast<double>(host.process.resident_bytes));
  page->Gauge("process_virtual_memory_bytes", "Virtual memory of the router");
  page->Add({}, static_cast<double>(host.process.virtual_bytes));
  gauge("process_open_fds", "Files and connections that are open", host.open_fds);
  gauge("process_max_fds", "Files and connections that may be open", host.max_fds);
  gauge("process_start_time_seconds", "When the router was started, in seconds since 1970",
        host.start_time_seconds);
}

}  // namespace vllm_router::telemetry
