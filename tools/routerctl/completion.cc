#include "tools/routerctl/completion.h"

#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tools/routerctl/command.h"

namespace vllm_router::routerctl {
namespace {

// Every path in the tree ("", "backends", "backends add") with the words that may come next.
std::map<std::string, std::vector<std::string>> NextWords() {
  std::map<std::string, std::vector<std::string>> next;
  for (const CommandSpec& command : Commands()) {
    std::string path;
    for (const auto part : absl::StrSplit(std::string(command.name), ' ')) {
      std::vector<std::string>& words = next[path];
      if (words.empty() || words.back() != std::string(part)) words.emplace_back(part);
      path += (path.empty() ? "" : " ") + std::string(part);
    }
    for (const FlagSpec& flag : FlagsOf(command)) next[path].emplace_back(flag.name);
  }
  for (auto& [path, words] : next) {
    for (const FlagSpec& flag : GlobalFlags()) words.emplace_back(flag.name);
  }
  return next;
}

std::vector<FlagSpec> AllFlags() {
  std::vector<FlagSpec> flags = GlobalFlags();
  flags.insert(flags.end(), ChangeFlags().begin(), ChangeFlags().end());
  for (const CommandSpec& command : Commands()) {
    flags.insert(flags.end(), command.flags.begin(), command.flags.end());
  }
  return flags;
}

// Lines of a shell's `case "$previous"`: flags with choices, files, and other values. `%s` of
// `choice` takes the words.
std::string ValueCases(const char* choice, const char* file, const char* any) {
  std::map<std::string, std::string> cases;
  for (const FlagSpec& flag : AllFlags()) {
    if (flag.metavar.empty()) continue;
    std::string names(flag.name);
    if (!flag.short_name.empty()) names += "|" + std::string(flag.short_name);
    std::string action = flag.metavar == "FILE" ? file : any;
    if (!flag.choices.empty()) {
      action = absl::StrReplaceAll(
          choice, {{"%s", absl::StrReplaceAll(std::string(flag.choices), {{"|", " "}})}});
    }
    cases.emplace(names, action);
  }
  std::string out;
  for (const auto& [names, action] : cases) {
    out += absl::StrFormat("    %s) %s; return ;;\n", names, action);
  }
  return out;
}

std::string PathCases(const char* action) {
  std::string out;
  for (const auto& [path, words] : NextWords()) {
    out += absl::StrFormat("    \"%s\") %s ;;\n", path,
                           absl::StrReplaceAll(action, {{"%s", absl::StrJoin(words, " ")}}));
  }
  return out;
}

// Both shells find the path alike: the words that are no flags and no flags' values, as far as the
// tree goes.
std::string KnownPaths() {
  std::vector<std::string> paths;
  for (const auto& [path, words] : NextWords()) {
    if (!path.empty()) paths.push_back("\"" + path + "\"");
  }
  return absl::StrJoin(paths, "|");
}

std::string FlagsWithValue() {
  std::set<std::string> names;
  for (const FlagSpec& flag : AllFlags()) {
    if (flag.metavar.empty()) continue;
    names.emplace(flag.name);
    if (!flag.short_name.empty()) names.emplace(flag.short_name);
  }
  return absl::StrJoin(names, "|");
}

std::string PathLoop() {
  return absl::StrFormat(
      "  local path=\"\" word skip=\"\" next\n"
      "  for word in \"${before[@]}\"; do\n"
      "    if [[ -n $skip ]]; then skip=\"\"; continue; fi\n"
      "    case \"$word\" in\n"
      "      %s) skip=1; continue ;;\n"
      "      -*) continue ;;\n"
      "    esac\n"
      "    next=\"${path:+$path }$word\"\n"
      "    case \"$next\" in\n"
      "      %s) path=\"$next\" ;;\n"
      "    esac\n"
      "  done\n",
      FlagsWithValue(), KnownPaths());
}

std::string FishQuoted(std::string_view text) {
  return "'" + absl::StrReplaceAll(std::string(text), {{"\\", "\\\\"}, {"'", "\\'"}}) + "'";
}

std::string FishFlag(const FlagSpec& flag, const std::string& condition) {
  std::string out = "complete -c routerctl" + condition + " -l " + std::string(flag.name.substr(2));
  if (!flag.short_name.empty()) out += " -s " + std::string(flag.short_name.substr(1));
  if (!flag.choices.empty()) {
    out += " -x -a " + FishQuoted(absl::StrReplaceAll(std::string(flag.choices), {{"|", " "}}));
  } else if (flag.metavar == "FILE") {
    out += " -r -F";
  } else if (!flag.metavar.empty()) {
    out += " -x";
  }
  return out + " -d " + FishQuoted(flag.help) + "\n";
}

}  // namespace

std::string BashCompletion() {
  return "# bash completion of routerctl: source <(routerctl completion bash)\n"
         "_routerctl() {\n"
         "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
         "  COMPREPLY=()\n"
         "  case \"$prev\" in\n" +
         ValueCases("COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))",
                    "COMPREPLY=($(compgen -f -- \"$cur\"))", ":") +
         "  esac\n"
         "  local before=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n" +
         PathLoop() +
         "  local words=\"\"\n"
         "  case \"$path\" in\n" +
         PathCases("words=\"%s\"") +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "}\n"
         "complete -F _routerctl routerctl\n";
}

std::string ZshCompletion() {
  return "#compdef routerctl\n"
         "# zsh completion of routerctl: source <(routerctl completion zsh)\n"
         "_routerctl() {\n"
         "  local prev=\"${words[CURRENT-1]}\"\n"
         "  case \"$prev\" in\n" +
         ValueCases("compadd -- %s", "_files", ":") +
         "  esac\n"
         "  local -a before\n"
         "  before=(\"${(@)words[2,CURRENT-1]}\")\n" +
         // `path` is zsh's own PATH.
         absl::StrReplaceAll(PathLoop(), {{"path", "node"}}) + "  case \"$node\" in\n" +
         PathCases("compadd -- %s") +
         "  esac\n"
         "}\n"
         "compdef _routerctl routerctl\n";
}

std::string FishCompletion() {
  std::string out =
      "# fish completion of routerctl: routerctl completion fish | source\n"
      "complete -c routerctl -f\n";
  for (const FlagSpec& flag : GlobalFlags()) out += FishFlag(flag, "");
  for (const NounSpec& noun : Nouns()) {
    out += absl::StrFormat("complete -c routerctl -n __fish_use_subcommand -a %s -d %s\n",
                           noun.name, FishQuoted(noun.summary));
  }
  for (const CommandSpec& command : Commands()) {
    const std::vector<std::string> words = absl::StrSplit(std::string(command.name), ' ');
    std::string condition = "__fish_seen_subcommand_from " + words[0];
    if (words.size() == 1) {
      out += absl::StrFormat("complete -c routerctl -n __fish_use_subcommand -a %s -d %s\n",
                             words[0], FishQuoted(command.summary));
    } else {
      out += absl::StrFormat("complete -c routerctl -n '%s' -a %s -d %s\n", condition, words[1],
                             FishQuoted(command.summary));
      condition += "; and __fish_seen_subcommand_from " + words[1];
    }
    for (const FlagSpec& flag : FlagsOf(command)) {
      out += FishFlag(flag, " -n '" + condition + "'");
    }
  }
  return out;
}

}  // namespace vllm_router::routerctl
