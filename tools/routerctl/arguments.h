// A command line taken apart by the tables of command.h.
#ifndef TOOLS_ROUTERCTL_ARGUMENTS_H_
#define TOOLS_ROUTERCTL_ARGUMENTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/routerctl/command.h"

namespace vllm_router::routerctl {

// What the caller typed is wrong; told apart from what the router refuses.
absl::Status UsageError(const std::string& message);
bool IsUsageError(const absl::Status& status);

struct GivenFlag {
  const FlagSpec* spec;
  std::string value;  // empty for switches
};

struct Arguments {
  Arguments() = default;
  Arguments(Arguments&&) = default;  // a copy's flags would point into the original
  Arguments& operator=(Arguments&&) = default;

  const CommandSpec* command = nullptr;    // nullptr when help was asked for before a whole command
  std::vector<std::string> command_words;  // as typed: {"backends", "add"}
  std::vector<std::string> words;          // what follows the command: its arguments
  std::vector<FlagSpec> flag_specs;        // what `flags` points into
  std::vector<GivenFlag> flags;            // in the order given
  bool help = false;

  bool Has(std::string_view name) const;
  // The last value given.
  std::optional<std::string> Get(std::string_view name) const;
  std::vector<std::string> All(std::string_view name) const;
};

absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& args);

// "a, b or c".
std::string Alternatives(const std::vector<std::string>& words);
// "a|b|c" -> {"a", "b", "c"}.
std::vector<std::string> SplitChoices(std::string_view choices);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_ARGUMENTS_H_
