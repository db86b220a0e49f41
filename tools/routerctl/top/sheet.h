// A table of figures for a screen: plain data, and how it is sorted, filtered and made to fit. Not
// thread-safe.
#ifndef TOOLS_ROUTERCTL_TOP_SHEET_H_
#define TOOLS_ROUTERCTL_TOP_SHEET_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vllm_router::routerctl::top {

// How something looks; without colour each still differs in brightness or not at all.
enum class Style : uint8_t { kNormal, kTitle, kBold, kDim, kWarning, kAlert };

struct SheetColumn {
  std::string title;
  size_t width;
  // When there is not enough room the column with the highest number goes first; 0 never goes.
  int rank;
  bool text = false;  // to the left, and sorted as text
};

struct Cell {
  std::string text;
  double value = 0;  // what a column of numbers is sorted by
};

struct SheetRow {
  std::vector<Cell> cells;
  std::string more_words = {};  // what a filter finds besides the cells' texts
  Style style = Style::kNormal;
};

// The first column is the name: it takes the room that the others leave.
struct Sheet {
  std::vector<SheetColumn> columns = {};
  std::vector<SheetRow> rows = {};
};

// By `column`, downwards when `descending`; equal ones by name, upwards.
void SortRows(size_t column, bool descending, Sheet* sheet);

// Keeps the rows in which every word of `filter` is found, in either case.
void FilterRows(const std::string& filter, Sheet* sheet);

// The columns, by index, that fit `width`, and their widths.
struct FittedColumn {
  size_t index;
  size_t width;
};
std::vector<FittedColumn> FitColumns(const Sheet& sheet, size_t width);

// Lines of exactly `width` columns.
std::string TitleLine(const Sheet& sheet, const std::vector<FittedColumn>& columns, size_t width);
std::string RowLine(const Sheet& sheet, const SheetRow& row,
                    const std::vector<FittedColumn>& columns, size_t width);

// `text` without control characters, cut (the last character is then "~") or filled up to `width`
// columns.
std::string Fitted(const std::string& text, size_t width, bool to_the_right = false);

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_SHEET_H_
