// The screen without the screen: takes keys, and makes lines of a state. Constant for the same
// keys, state, time and size. Not thread-safe.
#ifndef TOOLS_ROUTERCTL_TOP_PAGE_H_
#define TOOLS_ROUTERCTL_TOP_PAGE_H_

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tools/routerctl/top/header.h"
#include "tools/routerctl/top/key.h"
#include "tools/routerctl/top/state.h"
#include "tools/routerctl/top/views.h"

namespace vllm_router::routerctl::top {

class Page {
 public:
  // Shows figures of the router at `address`, which come every `interval`.
  Page(std::string address, absl::Duration interval)
      : address_(std::move(address)), interval_(interval) {}

  // `state` is what pausing keeps.
  void Press(Key key, const State& state);
  bool done() const { return done_; }
  absl::Duration interval() const { return interval_; }

  // At most `height` lines, none wider than `width`.
  std::vector<Line> Lines(const State& live, absl::Time now, size_t width, size_t height);

 private:
  struct Order {
    size_t column;
    bool descending;
  };

  void PressInFilter(Key key);
  void PressScroll(Key key);
  void ChangeInterval(bool longer);
  void TogglePause(const State& state);
  void MoveSortColumn(int step);
  Order& order() { return orders_[static_cast<size_t>(view_)]; }
  void AddTable(const State& state, absl::Time now, size_t width, size_t height,
                std::vector<Line>* lines);
  // `end` is the row behind the last one shown, `all` their number without the filter.
  std::string Footer(const Sheet& sheet, size_t end, size_t all) const;

  const std::string address_;
  absl::Duration interval_;
  bool done_ = false;
  bool help_ = false;
  View view_ = View::kBackends;
  // By view: backends and models busiest first, shards by index.
  std::array<Order, kViews> orders_ = {Order{2, true}, Order{2, true}, Order{0, false}};
  std::string filter_;
  bool typing_filter_ = false;
  size_t first_row_ = 0;
  size_t page_rows_ = 1;  // of the last Lines()
  std::optional<State> paused_;
};

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_PAGE_H_
