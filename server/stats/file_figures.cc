#include "server/stats/file_figures.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace vllm_router::stats {

std::string RenderFiles(const std::vector<FileFigures>& files) {
  if (files.empty()) return "";
  prometheus::MetricFamily errors{
      .name = "vllm_router_file_errors_total",
      .help = "Contents of the file that could not be taken while the router ran",
      .type = prometheus::MetricType::Counter,
      .metric = {}};
  prometheus::MetricFamily success{
      .name = "vllm_router_file_last_success_timestamp_seconds",
      .help = "When the content of the file that is in force was read, in seconds since 1970",
      .type = prometheus::MetricType::Gauge,
      .metric = {}};
  for (const FileFigures& file : files) {
    prometheus::ClientMetric metric;
    metric.label = {{"file", file.what}};
    metric.counter.value = static_cast<double>(file.errors);
    errors.metric.push_back(metric);
    metric.gauge.value = file.last_success;
    success.metric.push_back(metric);
  }
  return prometheus::TextSerializer().Serialize({errors, success});
}

}  // namespace vllm_router::stats
