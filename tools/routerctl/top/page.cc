#include "tools/routerctl/top/page.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_format.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl::top {
namespace {

// Of '+' and '-'; the shortest is the shortest that a router takes.
constexpr std::array<int64_t, 9> kIntervalsMs = {100,  200,   500,   1000, 2000,
                                                 5000, 10000, 30000, 60000};
constexpr size_t kFewestRows = 3;  // that a header leaves to the table, its title included
constexpr size_t kLongestFilter = 64;

std::vector<Line> HelpLines() {
  std::vector<Line> lines = {{"routerctl top", Style::kBold}, {""}};
  for (const char* text : {
           "1 2 3, Tab     backends, models, shards",
           "s S            sort by the next, the previous column",
           "r              the other way round",
           "/              only rows with these words; Esc shows all again",
           "up down        scroll, also j k, PgUp PgDn, Home End",
           "space          stop and go on",
           "+ -            longer, shorter interval",
           "?              this help",
           "q              quit, also Ctrl-C",
           "",
           "Rates are those of the last interval, latencies those of the last",
           "seconds; TTFT is the time to the first token, ITL that between tokens,",
           "E2E that of whole requests, LOOP how late a shard's event loop is.",
           "Columns that find no room are left out.",
       }) {
    lines.push_back({text});
  }
  return lines;
}

}  // namespace

void Page::Press(Key key, const State& state) {
  if (typing_filter_) return PressInFilter(key);
  if (help_) {
    help_ = false;
    if (key != 'q') return;
  }
  const auto views = static_cast<int>(kViews);
  if (key >= '1' && key < '1' + views) view_ = static_cast<View>(key - '1');
  if (key == '\t') view_ = static_cast<View>((static_cast<int>(view_) + 1) % views);
  if (key == '\t' || (key >= '1' && key < '1' + views)) first_row_ = 0;
  switch (key) {
    case 'q':
      done_ = true;
      break;
    case '?':
    case 'h':
      help_ = true;
      break;
    case 's':
      return MoveSortColumn(1);
    case 'S':
      return MoveSortColumn(-1);
    case 'r':
      order().descending = !order().descending;
      break;
    case '/':
      typing_filter_ = true;
      break;
    case ' ':
      return TogglePause(state);
    case '+':
    case '=':
      return ChangeInterval(true);
    case '-':
      return ChangeInterval(false);
    case kKeyEscape:
      filter_.clear();
      break;
    default:
      PressScroll(key);
  }
}

void Page::PressInFilter(Key key) {
  first_row_ = 0;
  if (key == kKeyEnter) {
    typing_filter_ = false;
  } else if (key == kKeyEscape) {
    typing_filter_ = false;
    filter_.clear();
  } else if (key == kKeyBackspace) {
    if (!filter_.empty()) filter_.pop_back();
  } else if (key >= ' ' && key < 0x7f && filter_.size() < kLongestFilter) {
    filter_ += static_cast<char>(key);
  }
}

// Beyond the end is put right when the lines are made.
void Page::PressScroll(Key key) {
  const auto up = [this](size_t rows) { first_row_ -= std::min(first_row_, rows); };
  if (key == kKeyUp || key == 'k') up(1);
  if (key == kKeyDown || key == 'j') first_row_ += 1;
  if (key == kKeyPageUp) up(page_rows_);
  if (key == kKeyPageDown) first_row_ += page_rows_;
  if (key == kKeyHome || key == 'g') first_row_ = 0;
  if (key == kKeyEnd || key == 'G') first_row_ = SIZE_MAX / 2;
}

void Page::ChangeInterval(bool longer) {
  const int64_t now = absl::ToInt64Milliseconds(interval_);
  if (longer) {
    const auto* next = std::upper_bound(kIntervalsMs.begin(), kIntervalsMs.end(), now);
    if (next != kIntervalsMs.end()) interval_ = absl::Milliseconds(*next);
  } else {
    const auto* next = std::lower_bound(kIntervalsMs.begin(), kIntervalsMs.end(), now);
    if (next != kIntervalsMs.begin()) interval_ = absl::Milliseconds(*(next - 1));
  }
}

void Page::TogglePause(const State& state) {
  if (paused_.has_value()) {
    paused_.reset();
  } else {
    paused_ = state;
  }
}

void Page::MoveSortColumn(int step) {
  const std::vector<SheetColumn> columns = MakeSheet(view_, State(), absl::Now()).columns;
  const auto count = static_cast<int>(columns.size());
  const int next = (static_cast<int>(order().column) + step + count) % count;
  order().column = static_cast<size_t>(next);
  order().descending = !columns[order().column].text;
  first_row_ = 0;
}

std::vector<Line> Page::Lines(const State& live, absl::Time now, size_t width, size_t height) {
  std::vector<Line> lines;
  if (width == 0 || height == 0) return lines;
  const State& state = paused_.has_value() ? *paused_ : live;
  // Paused figures do not grow old: they are of that moment.
  if (paused_.has_value()) now = state.received;
  if (help_) {
    lines = HelpLines();
  } else if (state.stats.empty()) {
    lines.push_back({"waiting for the router at " + address_, Style::kDim});
  } else {
    const size_t header = height > kFewestRows + 1 ? height - kFewestRows - 1 : 1;
    lines = HeaderLines(state, address_, interval_, now, width, header);
    if (lines.size() < height) AddTable(state, now, width, height, &lines);
  }
  if (lines.size() > height) lines.resize(height);
  for (Line& line : lines) line.text = Fitted(line.text, width);
  return lines;
}

void Page::AddTable(const State& state, absl::Time now, size_t width, size_t height,
                    std::vector<Line>* lines) {
  Sheet sheet = MakeSheet(view_, state, now);
  const size_t all = sheet.rows.size();
  FilterRows(filter_, &sheet);
  SortRows(order().column, order().descending, &sheet);
  const std::vector<FittedColumn> columns = FitColumns(sheet, width);
  lines->push_back({TitleLine(sheet, columns, width), Style::kTitle});

  const size_t left = height - lines->size();
  page_rows_ = std::max<size_t>(left, 2) - 1;
  const size_t most = sheet.rows.size() > page_rows_ ? sheet.rows.size() - page_rows_ : 0;
  first_row_ = std::min(first_row_, most);
  const size_t end = std::min(first_row_ + page_rows_, sheet.rows.size());
  const bool stale = state.Stale(interval_, now);
  for (size_t i = first_row_; i < end; ++i) {
    const SheetRow& row = sheet.rows[i];
    lines->push_back({RowLine(sheet, row, columns, width), stale ? Style::kDim : row.style});
  }
  while (lines->size() + 1 < height) lines->push_back({""});
  lines->push_back({Footer(sheet, end, all), Style::kBold});
}

std::string Page::Footer(const Sheet& sheet, size_t end, size_t all) const {
  if (typing_filter_) return "filter: " + filter_ + "_";
  const size_t shown = sheet.rows.size();
  std::string text = paused_.has_value() ? "PAUSED  " : "";
  text += shown == 0 ? std::string("none") : absl::StrFormat("%d-%d", first_row_ + 1, end);
  text += absl::StrFormat(" of %d", shown);
  if (shown != all) text += absl::StrFormat(" (%d)", all);
  text += absl::StrFormat(" %s  by %s%s", ViewName(view_),
                          sheet.columns[orders_[static_cast<size_t>(view_)].column].title,
                          orders_[static_cast<size_t>(view_)].descending ? " down" : " up");
  if (!filter_.empty()) text += "  filter: " + filter_;
  return text + "  ? help  q quit";
}

}  // namespace vllm_router::routerctl::top
