#include "tools/routerctl/table.h"

#include <algorithm>
#include <numeric>

namespace vllm_router::routerctl {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 6;

bool BeginsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::string Cut(const std::string& text, size_t width) {
  if (DisplayWidth(text) <= width) return text;
  return FirstCharacters(text, width - 1) + "…";
}

}  // namespace

size_t DisplayWidth(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), BeginsCharacter));
}

std::string FirstCharacters(const std::string& text, size_t count) {
  size_t end = 0;
  for (size_t seen = 0; end < text.size(); ++end) {
    if (BeginsCharacter(text[end]) && ++seen > count) break;
  }
  return text.substr(0, end);
}

std::string WithoutControls(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
  return text;
}

void Table::Print(size_t columns, std::ostream& out) const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  const size_t gaps = kGap * (widths.size() - 1);
  while (columns > 0 && std::accumulate(widths.begin(), widths.end(), gaps) > columns) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) break;
    --*widest;
  }
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string cell = Cut(WithoutControls(row[i]), widths[i]);
      line += cell;
      if (i + 1 < row.size()) line.append(widths[i] - DisplayWidth(cell) + kGap, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

}  // namespace vllm_router::routerctl
