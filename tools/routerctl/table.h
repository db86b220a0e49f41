// A table of text with measured columns. Not thread-safe.
#ifndef TOOLS_ROUTERCTL_TABLE_H_
#define TOOLS_ROUTERCTL_TABLE_H_

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

namespace vllm_router::routerctl {

class Table {
 public:
  explicit Table(std::vector<std::string> titles) : rows_{std::move(titles)} {}

  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.size() == 1; }

  // With `columns` the widest columns are cut, with an ellipsis, until a line fits; 0 cuts nothing.
  void Print(size_t columns, std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Characters of UTF-8 text, as far as a terminal's columns can be told from them.
size_t DisplayWidth(const std::string& text);

// The first `count` of them, or as many as there are.
std::string FirstCharacters(const std::string& text, size_t count);

// What a router sends may hold anything; a terminal must not obey it.
std::string WithoutControls(std::string text);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_TABLE_H_
