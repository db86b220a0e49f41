#include "server/app/flags_names.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

using Specs = std::vector<const FlagSpec*>;

std::string WithUnderscores(std::string_view typed) {
  typed.remove_prefix(std::min(typed.find_first_not_of('-'), typed.size()));
  std::string name(typed);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

Specs WithPrefix(std::string_view prefix) {
  Specs found;
  for (const FlagGroup* group : AllFlagGroups()) {
    for (const FlagSpec& spec : group->flags) {
      if (spec.name.substr(0, prefix.size()) == prefix) found.push_back(&spec);
    }
  }
  return found;
}

std::string Titles(const Specs& specs) {
  std::string titles;
  for (const FlagSpec* spec : specs) {
    if (!titles.empty()) titles += ", ";
    titles += FlagTitle(*spec);
  }
  return titles;
}

// Levenshtein's distance, one row at a time.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

absl::Status Unknown(std::string_view typed) {
  const std::string nearest = NearestFlag(typed);
  if (nearest.empty()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s is unknown: --help lists all flags", base::Printable(typed)));
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("%s is unknown: did you mean %s?", base::Printable(typed), nearest));
}

}  // namespace

absl::StatusOr<NamedFlag> FindFlag(std::string_view typed) {
  const std::string name = WithUnderscores(typed);
  if (name.empty()) return Unknown(typed);
  const Specs found = WithPrefix(name);
  if (found.empty()) return Unknown(typed);
  for (const FlagSpec* spec : found) {
    if (spec->name == name) return NamedFlag{spec, ""};
  }
  if (found.size() == 1) return NamedFlag{found.front(), ""};

  Specs of_original;
  std::copy_if(found.begin(), found.end(), std::back_inserter(of_original),
               [](const FlagSpec* spec) { return spec->of_original; });
  if (of_original.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s is ambiguous: it could be %s", typed, Titles(found)));
  }
  const FlagSpec& meant = *of_original.front();
  return NamedFlag{&meant, absl::StrFormat("%s is taken for %s, as in the original, but could also "
                                           "be another one of %s: write it in full",
                                           typed, FlagTitle(meant), Titles(found))};
}

const FlagSpec* FindKey(std::string_view name) {
  for (const FlagGroup* group : AllFlagGroups()) {
    for (const FlagSpec& spec : group->flags) {
      if (spec.name == name) return &spec;
    }
  }
  return nullptr;
}

std::string NearestFlag(std::string_view typed) {
  // A name so long can be near to none, and the distance costs its length.
  static constexpr size_t kLongestName = 64;
  const std::string name = WithUnderscores(typed);
  if (name.size() > kLongestName) return "";
  const FlagSpec* nearest = nullptr;
  size_t least = std::clamp<size_t>(name.size() / 3, 2, 5) + 1;
  for (const FlagSpec* spec : WithPrefix("")) {
    const size_t distance = EditDistance(name, spec->name);
    if (distance >= least) continue;
    least = distance;
    nearest = spec;
  }
  return nearest == nullptr ? "" : FlagTitle(*nearest);
}

}  // namespace vllm_router::app
