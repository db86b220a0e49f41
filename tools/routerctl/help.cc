#include "tools/routerctl/help.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tools/routerctl/command.h"

namespace vllm_router::routerctl {
namespace {

constexpr std::string_view kExits =
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 conflict, 5 refused, "
    "6 router not reached.\n";

std::string Wrapped(std::string_view text, size_t indent, size_t columns) {
  std::string out;
  size_t used = 0;
  for (const auto word : absl::StrSplit(std::string(text), ' ', absl::SkipEmpty())) {
    if (used > 0 && used + 1 + word.size() > columns) {
      out += '\n';
      used = 0;
    }
    const size_t gap = used == 0 ? indent : 1;
    out.append(gap, ' ');
    out += std::string(word);
    used += gap + word.size();
  }
  return out + "\n";
}

std::string FlagHelp(const std::vector<FlagSpec>& flags, size_t columns) {
  std::string out;
  for (const FlagSpec& flag : flags) {
    std::string title(flag.name);
    if (!flag.short_name.empty()) title = absl::StrFormat("%s, %s", flag.short_name, flag.name);
    if (!flag.metavar.empty()) title += " " + std::string(flag.metavar);
    std::string text(flag.help);
    if (!flag.choices.empty()) {
      text +=
          " One of " + absl::StrJoin(absl::StrSplit(std::string(flag.choices), '|'), ", ") + ".";
    }
    if (!flag.variable.empty()) text += " Environment: " + std::string(flag.variable) + ".";
    out += "  " + title + "\n" + Wrapped(text, 6, columns);
  }
  return out;
}

std::string CommandHelp(const CommandSpec& command, size_t columns) {
  std::string out = absl::StrFormat("usage: routerctl %s", command.name);
  if (!command.arguments.empty()) out += " " + std::string(command.arguments);
  out += " [flags]\n\n" + Wrapped(command.summary, 0, columns);
  if (const auto flags = FlagsOf(command); !flags.empty()) {
    out += "\nFlags:\n" + FlagHelp(flags, columns);
  }
  if (!command.notes.empty()) out += "\n" + std::string(command.notes);
  const std::vector<std::string> examples = absl::StrSplit(std::string(command.example), '\n');
  out += examples.size() > 1 ? "\nExamples:\n" : "\nExample:\n";
  for (const std::string& example : examples) out += absl::StrFormat("  %s\n", example);
  return out + "\nGlobal flags: routerctl help\n";
}

std::string Synopsis(const CommandSpec& command) {
  return std::string(command.name) +
         (command.arguments.empty() ? "" : " " + std::string(command.arguments));
}

using Entries = std::vector<std::pair<std::string, std::string>>;

std::string TwoLined(const Entries& entries, size_t columns) {
  std::string out;
  for (const auto& [name, text] : entries) out += "  " + name + "\n" + Wrapped(text, 6, columns);
  return out;
}

// One entry a line, if all of them fit.
std::string List(const Entries& entries, size_t columns) {
  size_t width = 0;
  for (const auto& [name, text] : entries) width = std::max(width, name.size());
  for (const auto& [name, text] : entries) {
    if (4 + width + text.size() > columns) return TwoLined(entries, columns);
  }
  std::string out;
  for (const auto& [name, text] : entries) {
    out += absl::StrFormat("  %-*s  %s\n", static_cast<int>(width), name, text);
  }
  return out;
}

std::string NounHelp(const NounSpec& noun, size_t columns) {
  Entries entries;
  for (const CommandSpec& command : Commands()) {
    if (command.name.substr(0, noun.name.size() + 1) != std::string(noun.name) + " ") continue;
    entries.emplace_back(Synopsis(command), std::string(command.summary));
  }
  return absl::StrFormat("routerctl %s: %s\n\n%s\nMore: routerctl help %s COMMAND\n", noun.name,
                         noun.summary, List(entries, columns), noun.name);
}

std::string WholeHelp(size_t columns) {
  Entries entries;
  for (const NounSpec& noun : Nouns()) {
    std::vector<std::string> verbs;
    for (const CommandSpec& command : Commands()) {
      const std::string prefix = std::string(noun.name) + " ";
      if (command.name.substr(0, prefix.size()) == prefix) {
        verbs.emplace_back(command.name.substr(prefix.size()));
      }
    }
    entries.emplace_back(noun.name,
                         absl::StrFormat("%s: %s", noun.summary, absl::StrJoin(verbs, ", ")));
  }
  for (const CommandSpec& command : Commands()) {
    if (command.name.find(' ') == std::string_view::npos) {
      entries.emplace_back(Synopsis(command), std::string(command.summary));
    }
  }
  std::string out =
      "usage: routerctl COMMAND [arguments] [flags]\n\n"
      "Looks at and changes a running vllm-router.\n\nCommands:\n";
  out += TwoLined(entries, columns);
  out += "\nGlobal flags, before or behind the command:\n" + FlagHelp(GlobalFlags(), columns);
  out += "\n" + Wrapped(kExits, 0, columns);
  return out + "\nMore: routerctl help COMMAND\n";
}

}  // namespace

std::string HelpText(const std::vector<std::string>& words, size_t columns) {
  columns = std::clamp<size_t>(columns, 60, 100);
  if (words.empty()) return WholeHelp(columns);
  const std::string name = absl::StrJoin(words, " ");
  for (const CommandSpec& command : Commands()) {
    if (command.name == name) return CommandHelp(command, columns);
  }
  for (const NounSpec& noun : Nouns()) {
    if (noun.name == name) return NounHelp(noun, columns);
  }
  return "";
}

}  // namespace vllm_router::routerctl
