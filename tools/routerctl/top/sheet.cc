#include "tools/routerctl/top/sheet.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "tools/routerctl/table.h"

namespace vllm_router::routerctl::top {
namespace {

constexpr size_t kNarrowestName = 12;
constexpr size_t kWidestName = 48;

}  // namespace

void SortRows(size_t column, bool descending, Sheet* sheet) {
  const bool text = sheet->columns[column].text;
  std::stable_sort(sheet->rows.begin(), sheet->rows.end(),
                   [&](const SheetRow& a, const SheetRow& b) {
                     const Cell& of_a = descending ? b.cells[column] : a.cells[column];
                     const Cell& of_b = descending ? a.cells[column] : b.cells[column];
                     if (text && of_a.text != of_b.text) return of_a.text < of_b.text;
                     if (!text && of_a.value != of_b.value) return of_a.value < of_b.value;
                     return a.cells[0].text < b.cells[0].text;
                   });
}

void FilterRows(const std::string& filter, Sheet* sheet) {
  for (const auto part : absl::StrSplit(filter, ' ', absl::SkipEmpty())) {
    const std::string word = absl::AsciiStrToLower(part);
    const auto lacks = [&](const SheetRow& row) {
      std::string words = row.more_words;
      for (size_t i = 0; i < row.cells.size(); ++i) {
        if (sheet->columns[i].text) words += " " + row.cells[i].text;
      }
      absl::AsciiStrToLower(&words);
      return words.find(word) == std::string::npos;
    };
    sheet->rows.erase(std::remove_if(sheet->rows.begin(), sheet->rows.end(), lacks),
                      sheet->rows.end());
  }
}

std::vector<FittedColumn> FitColumns(const Sheet& sheet, size_t width) {
  size_t name = 0;
  for (const SheetRow& row : sheet.rows) name = std::max(name, DisplayWidth(row.cells[0].text));
  name = std::clamp(name, kNarrowestName, kWidestName);

  std::vector<FittedColumn> kept;
  for (size_t i = 1; i < sheet.columns.size(); ++i) kept.push_back({i, sheet.columns[i].width});
  const auto others = [&kept] {
    size_t sum = 0;
    for (const FittedColumn& column : kept) sum += 1 + column.width;
    return sum;
  };
  // A name is cut before a column goes, but not beyond recognition.
  while (kNarrowestName + others() > width && !kept.empty()) {
    const auto last = std::max_element(
        kept.begin(), kept.end(), [&sheet](const FittedColumn& a, const FittedColumn& b) {
          return sheet.columns[a.index].rank < sheet.columns[b.index].rank;
        });
    if (sheet.columns[last->index].rank == 0) break;
    kept.erase(last);
  }
  const size_t left = width > others() ? width - others() : 1;
  kept.insert(kept.begin(), {0, std::min(name, left)});
  return kept;
}

std::string TitleLine(const Sheet& sheet, const std::vector<FittedColumn>& columns, size_t width) {
  std::string line;
  for (const auto& [index, cell_width] : columns) {
    if (!line.empty()) line += ' ';
    line += Fitted(sheet.columns[index].title, cell_width, !sheet.columns[index].text);
  }
  return Fitted(line, width);
}

std::string RowLine(const Sheet& sheet, const SheetRow& row,
                    const std::vector<FittedColumn>& columns, size_t width) {
  std::string line;
  for (const auto& [index, cell_width] : columns) {
    if (!line.empty()) line += ' ';
    line += Fitted(row.cells[index].text, cell_width, !sheet.columns[index].text);
  }
  return Fitted(line, width);
}

std::string Fitted(const std::string& text, size_t width, bool to_the_right) {
  const std::string clean = WithoutControls(text);
  const size_t wide = DisplayWidth(clean);
  if (wide > width) return width == 0 ? "" : FirstCharacters(clean, width - 1) + "~";
  const std::string fill(width - wide, ' ');
  return to_the_right ? fill + clean : clean + fill;
}

}  // namespace vllm_router::routerctl::top
