// A histogram of the recent past, made of two halves: values go into the newer one, and Turn()
// drops the older one. Its percentiles are steadier than those of one interval and forget in time.
// Not thread-safe.
#ifndef TOOLS_ROUTERCTL_TOP_WINDOW_H_
#define TOOLS_ROUTERCTL_TOP_WINDOW_H_

#include <utility>

#include "proto/router.pb.h"
#include "tools/routerctl/histogram.h"

namespace vllm_router::routerctl::top {

class Window {
 public:
  void Add(const v1::Histogram& values) { AddHistogram(values, &newer_); }
  void Turn() {
    older_ = std::move(newer_);
    newer_.Clear();
  }
  v1::Histogram Sum() const {
    v1::Histogram sum = older_;
    AddHistogram(newer_, &sum);
    return sum;
  }

 private:
  v1::Histogram older_;
  v1::Histogram newer_;
};

// Of the latencies that a router, a model and a backend have in common.
struct TrafficWindow {
  Window ttft;
  Window inter_token;
  Window end_to_end;

  void Add(const v1::TrafficStats& traffic) {
    ttft.Add(traffic.time_to_first_token());
    inter_token.Add(traffic.inter_token());
    end_to_end.Add(traffic.end_to_end());
  }
  void Turn() {
    for (Window* window : {&ttft, &inter_token, &end_to_end}) window->Turn();
  }
};

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_WINDOW_H_
