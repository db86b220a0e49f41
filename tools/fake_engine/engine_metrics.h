// The figures that vLLM shows at /metrics, and that page. Belongs to the engine's thread.
#ifndef TOOLS_FAKE_ENGINE_ENGINE_METRICS_H_
#define TOOLS_FAKE_ENGINE_ENGINE_METRICS_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"

namespace vllm_router::fake_engine {

class SecondsHistogram {
 public:
  // Upper bounds in seconds, ascending; +Inf is implied. They must outlive the histogram.
  explicit SecondsHistogram(std::span<const double> bounds)
      : bounds_(bounds), counts_(bounds.size() + 1) {}
  void Observe(base::Duration value, uint64_t times = 1);
  // `labels`: `engine="0",model_name="m"`.
  void Append(std::string_view name, std::string_view help, std::string_view labels,
              std::string* out) const;

 private:
  std::span<const double> bounds_;
  std::vector<uint64_t> counts_;
  double sum_ = 0;
};

enum class FinishReason : uint8_t { kStop, kLength, kAbort };

struct EngineMetrics {
  EngineMetrics();

  uint64_t prompt_tokens = 0;
  uint64_t generation_tokens = 0;
  uint64_t prefix_queries = 0;  // in tokens
  uint64_t prefix_hits = 0;
  std::array<uint64_t, 3> finished{};  // by FinishReason
  SecondsHistogram time_to_first_token;
  SecondsHistogram inter_token_latency;
  SecondsHistogram request_latency;
};

// What the page shows beside the metrics.
struct EngineGauges {
  std::string_view model;  // escaped for a label value
  uint64_t running = 0;
  uint64_t waiting = 0;
  double kv_usage = 0;  // 0 to 1
  uint32_t kv_blocks = 0;
  bool sleeping = false;
};

// Prometheus text format 0.0.4.
void AppendMetricsPage(const EngineMetrics& metrics, const EngineGauges& gauges, std::string* out);

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_ENGINE_METRICS_H_
