#include "tools/fake_engine/engine_metrics.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "tools/fake_engine/text.h"

namespace vllm_router::fake_engine {
namespace {

// vLLM's bounds.
constexpr double kFirstTokenBounds[] = {0.001, 0.005, 0.01, 0.02,  0.04,  0.06,  0.08, 0.1,
                                        0.25,  0.5,   0.75, 1.0,   2.5,   5.0,   7.5,  10.0,
                                        20.0,  40.0,  80.0, 160.0, 640.0, 2560.0};
constexpr double kInterTokenBounds[] = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,  0.3,  0.4, 0.5,
                                        0.75, 1.0,   2.5,  5.0,   7.5, 10.0, 20.0, 40.0, 80.0};
constexpr double kRequestBounds[] = {0.3,  0.5,   0.8,   1.0,   1.5,   2.0,    2.5,
                                     5.0,  10.0,  15.0,  20.0,  30.0,  40.0,   50.0,
                                     60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0};

class Page {
 public:
  Page(std::string labels, std::string* out) : labels_(std::move(labels)), out_(out) {}

  void Family(std::string_view name, std::string_view type, std::string_view help) {
    Append(out_, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
  }
  void Sample(std::string_view name, double value, std::string_view more_labels = {}) {
    absl::StrAppendFormat(out_, "%s{%s%s} %.17g\n", name, labels_, more_labels, value);
  }
  void Gauge(std::string_view name, std::string_view help, double value) {
    Family(name, "gauge", help);
    Sample(name, value);
  }
  void Counter(std::string_view name, std::string_view help, uint64_t value) {
    Family(name, "counter", help);
    Sample(name, static_cast<double>(value));
  }
  const std::string& labels() const { return labels_; }

 private:
  const std::string labels_;
  std::string* out_;
};

}  // namespace

void SecondsHistogram::Observe(base::Duration value, uint64_t times) {
  const double seconds = base::ToSeconds(value);
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), seconds);
  counts_[static_cast<size_t>(bound - bounds_.begin())] += times;
  sum_ += seconds * static_cast<double>(times);
}

void SecondsHistogram::Append(std::string_view name, std::string_view help, std::string_view labels,
                              std::string* out) const {
  fake_engine::Append(out, "# HELP ", name, " ", help, "\n# TYPE ", name, " histogram\n");
  uint64_t below = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    const std::string bound = i < bounds_.size() ? absl::StrFormat("%g", bounds_[i]) : "+Inf";
    fake_engine::Append(out, name, "_bucket{", labels, ",le=\"", bound, "\"} ", below, "\n");
  }
  absl::StrAppendFormat(out, "%s_sum{%s} %.9g\n%s_count{%s} %d\n", name, labels, sum_, name, labels,
                        below);
}

EngineMetrics::EngineMetrics()
    : time_to_first_token(kFirstTokenBounds),
      inter_token_latency(kInterTokenBounds),
      request_latency(kRequestBounds) {}

void AppendMetricsPage(const EngineMetrics& metrics, const EngineGauges& gauges, std::string* out) {
  Page page(absl::StrFormat("engine=\"0\",model_name=\"%s\"", gauges.model), out);
  page.Gauge("vllm:num_requests_running", "Requests in model execution batches.",
             static_cast<double>(gauges.running));
  page.Gauge("vllm:num_requests_waiting", "Requests waiting to be processed.",
             static_cast<double>(gauges.waiting));
  page.Family("vllm:engine_sleep_state", "gauge",
              "Sleep state of the engine; 1 marks the current one.");
  page.Sample("vllm:engine_sleep_state", gauges.sleeping ? 0 : 1, ",sleep_state=\"awake\"");
  page.Sample("vllm:engine_sleep_state", gauges.sleeping ? 1 : 0,
              ",sleep_state=\"weights_offloaded\"");
  page.Gauge("vllm:kv_cache_usage_perc", "Used share of the KV cache, 1 is full.", gauges.kv_usage);
  page.Counter("vllm:prefix_cache_queries_total", "Tokens looked up in the prefix cache.",
               metrics.prefix_queries);
  page.Counter("vllm:prefix_cache_hits_total", "Tokens found in the prefix cache.",
               metrics.prefix_hits);
  page.Counter("vllm:num_preemptions_total", "Preemptions by the scheduler.", 0);
  page.Counter("vllm:prompt_tokens_total", "Prefill tokens processed.", metrics.prompt_tokens);
  page.Counter("vllm:generation_tokens_total", "Generation tokens processed.",
               metrics.generation_tokens);
  page.Family("vllm:request_success_total", "counter", "Finished requests.");
  constexpr std::string_view kReasons[] = {"stop", "length", "abort"};
  for (size_t i = 0; i < std::size(kReasons); ++i) {
    page.Sample("vllm:request_success_total", static_cast<double>(metrics.finished[i]),
                absl::StrFormat(",finished_reason=\"%s\"", kReasons[i]));
  }
  metrics.time_to_first_token.Append("vllm:time_to_first_token_seconds", "Time to first token.",
                                     page.labels(), out);
  metrics.inter_token_latency.Append("vllm:inter_token_latency_seconds", "Time between tokens.",
                                     page.labels(), out);
  metrics.request_latency.Append("vllm:e2e_request_latency_seconds", "Time of whole requests.",
                                 page.labels(), out);
  page.Family("vllm:cache_config_info", "gauge", "Configuration of the cache.");
  page.Sample("vllm:cache_config_info", 1,
              absl::StrFormat(",block_size=\"16\",num_gpu_blocks=\"%d\"", gauges.kv_blocks));
}

}  // namespace vllm_router::fake_engine
