// The families of one scrape under construction, for prometheus-cpp to serialize. A family is begun
// once, and its samples follow; one that has none yet is shown all the same, with its help. Lives
// for one scrape; not thread-safe.
#ifndef SERVER_TELEMETRY_PAGE_H_
#define SERVER_TELEMETRY_PAGE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "server/stats/histogram.h"
#include "server/stats/latency.h"

namespace prometheus {
struct ClientMetric;
struct MetricFamily;
}  // namespace prometheus

namespace vllm_router::telemetry {

// Names with values, in the order in which they are shown.
using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

// Buckets of stats::HistogramTotals whose bounds a family shows. Bounds of the layout, so that each
// count is exact: the first that is not below the length that is wanted.
std::vector<size_t> BucketsNear(absl::Span<const double> seconds);

class Page {
 public:
  Page();
  ~Page();
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  void Gauge(std::string_view name, std::string_view help);
  void Counter(std::string_view name, std::string_view help);
  void Histogram(std::string_view name, std::string_view help);

  // Samples of the family that was begun last.
  void Add(const Labels& labels, double value);
  void Add(const Labels& labels, const stats::HistogramTotals& totals,
           absl::Span<const size_t> buckets);
  void Add(const Labels& labels, const stats::LatencyTotals& totals);

  std::vector<prometheus::MetricFamily> Take();

 private:
  prometheus::ClientMetric& NewSample(const Labels& labels);

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace vllm_router::telemetry

#endif  // SERVER_TELEMETRY_PAGE_H_
