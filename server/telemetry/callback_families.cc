#include <array>
#include <utility>

#include "server/telemetry/families.h"

namespace vllm_router::telemetry {
namespace {

using Counts = stats::CallbackCounts<uint64_t>;
using Member = uint64_t Counts::*;

constexpr std::array<std::pair<std::string_view, Member>, 4> kFailures = {
    {{"deadline", &Counts::timeouts},
     {"error", &Counts::failures},
     {"breaker_open", &Counts::rejected_by_breaker},
     {"in_flight", &Counts::rejected_by_in_flight}}};

}  // namespace

void AddCallbackFamilies(const CallbackFigures& figures, Page* page) {
  const auto each = [&](Member member) {
    for (const CallbackReading& callback : figures.callbacks) {
      page->Add({{"callback", callback.name}}, static_cast<double>(callback.totals.*member));
    }
  };
  page->Counter("vllm_router_callback_calls_total", "Calls made of the callback's service");
  for (const CallbackReading& callback : figures.callbacks) {
    page->Add({{"callback", callback.name}, {"hook", "pre_request"}},
              static_cast<double>(callback.totals.pre_calls));
    page->Add({{"callback", callback.name}, {"hook", "post_request"}},
              static_cast<double>(callback.totals.post_calls));
  }
  page->Counter("vllm_router_callback_answers_total",
                "Requests that the callback answered in a backend's place");
  each(&Counts::pre_answers);
  page->Counter("vllm_router_callback_failures_total",
                "Calls that failed, or were not made, by reason");
  for (const CallbackReading& callback : figures.callbacks) {
    for (const auto& [reason, member] : kFailures) {
      page->Add({{"callback", callback.name}, {"reason", reason}},
                static_cast<double>(callback.totals.*member));
    }
  }
  page->Counter("vllm_router_callback_over_limit_total",
                "Calls not made because a body was longer than the callback takes");
  each(&Counts::over_limit);
  page->Counter("vllm_router_callback_bodies_cut_total",
                "Calls with less of a body than asked for, as memory was used up");
  each(&Counts::bodies_cut);

  static const std::vector<size_t> buckets = BucketsNear(
      {0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5});
  page->Histogram("vllm_router_callback_duration_seconds",
                  "From the start of a call to its end, whatever came of it");
  for (const CallbackReading& callback : figures.callbacks) {
    page->Add({{"callback", callback.name}, {"hook", "pre_request"}}, callback.totals.pre_latency,
              buckets);
    page->Add({{"callback", callback.name}, {"hook", "post_request"}}, callback.totals.post_latency,
              buckets);
  }
  page->Gauge("vllm_router_callback_in_flight", "Calls that run, of both hooks");
  for (const CallbackReading& callback : figures.callbacks) {
    page->Add({{"callback", callback.name}}, static_cast<double>(callback.in_flight));
  }
  page->Gauge("vllm_router_callback_breaker_open",
              "1 while the hook is not called after failures in a row, else 0");
  for (const CallbackReading& callback : figures.callbacks) {
    page->Add({{"callback", callback.name}, {"hook", "pre_request"}}, callback.pre_open);
    page->Add({{"callback", callback.name}, {"hook", "post_request"}}, callback.post_open);
  }
  page->Gauge("vllm_router_callback_memory_bytes", "What callbacks keep of bodies");
  page->Add({}, static_cast<double>(figures.memory_bytes));
}

}  // namespace vllm_router::telemetry
