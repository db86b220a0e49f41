#include "tools/routerctl/arguments.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace vllm_router::routerctl {
namespace {

constexpr char kUsage[] = "routerctl/usage";

std::vector<FlagSpec> Concat(std::vector<FlagSpec> a, const std::vector<FlagSpec>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// The commands and nouns that may follow `words` as their next word.
std::vector<std::string> NextWords(const std::vector<std::string>& words) {
  std::vector<std::string> next;
  for (const CommandSpec& command : Commands()) {
    const std::vector<std::string> path = absl::StrSplit(std::string(command.name), ' ');
    if (path.size() <= words.size()) continue;
    if (!std::equal(words.begin(), words.end(), path.begin())) continue;
    if (next.empty() || next.back() != path[words.size()]) next.push_back(path[words.size()]);
  }
  return next;
}

const CommandSpec* FindCommand(const std::vector<std::string>& words) {
  const std::string name = absl::StrJoin(words, " ");
  for (const CommandSpec& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& args) : args_(args) {
    result_.flag_specs = Concat(GlobalFlags(), ChangeFlags());
  }

  absl::StatusOr<Arguments> Parse() {
    while (at_ < args_.size()) {
      const std::string& arg = args_[at_++];
      const bool flag = !only_words_ && arg.size() > 1 && arg[0] == '-';
      if (!only_words_ && arg == "--") {
        only_words_ = true;
        continue;
      }
      if (absl::Status status = flag ? TakeFlag(arg) : TakeWord(arg); !status.ok()) return status;
    }
    for (const Taken& taken : taken_) {
      result_.flags.push_back({&result_.flag_specs[taken.spec], taken.value});
    }
    result_.help = result_.Has("--help");
    if (result_.help) return std::move(result_);
    if (absl::Status status = Check(); !status.ok()) return status;
    return std::move(result_);
  }

 private:
  // By index: the list of flags grows when the command is known.
  struct Taken {
    size_t spec;
    std::string value;
  };

  absl::Status TakeWord(const std::string& word) {
    if (result_.command != nullptr) {
      result_.words.push_back(word);
      return absl::OkStatus();
    }
    const std::vector<std::string> allowed = NextWords(result_.command_words);
    if (std::find(allowed.begin(), allowed.end(), word) == allowed.end()) {
      return UsageError(absl::StrFormat(
          "unknown command \"%s\"; %s: %s", absl::StrJoin(With(word), " "),
          result_.command_words.empty() ? "commands" : "allowed", Alternatives(allowed)));
    }
    result_.command_words.push_back(word);
    result_.command = FindCommand(result_.command_words);
    if (result_.command != nullptr) {
      result_.flag_specs = Concat(result_.flag_specs, result_.command->flags);
    }
    return absl::OkStatus();
  }

  std::vector<std::string> With(const std::string& word) const {
    std::vector<std::string> words = result_.command_words;
    words.push_back(word);
    return words;
  }

  absl::Status TakeFlag(const std::string& arg) {
    const size_t equals = arg.find('=');
    std::string name = arg.substr(0, equals);
    bool has_value = equals != std::string::npos;
    std::string value = has_value ? arg.substr(equals + 1) : "";
    const auto& specs = result_.flag_specs;
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const FlagSpec& s) {
      return s.name == name || (!s.short_name.empty() && s.short_name == name);
    });
    if (spec == specs.end()) return UnknownFlag(name);
    if (spec->metavar.empty()) {
      if (has_value) return UsageError(absl::StrFormat("%s takes no value", name));
    } else if (!has_value) {
      if (at_ == args_.size()) {
        return UsageError(absl::StrFormat("%s needs a value: %s", name, spec->metavar));
      }
      value = args_[at_++];
    }
    if (!spec->choices.empty()) {
      const std::vector<std::string> choices = SplitChoices(spec->choices);
      if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
        return UsageError(
            absl::StrFormat("%s: \"%s\" is not %s", name, value, Alternatives(choices)));
      }
    }
    taken_.push_back({static_cast<size_t>(spec - specs.begin()), std::move(value)});
    return absl::OkStatus();
  }

  absl::Status UnknownFlag(const std::string& name) const {
    if (result_.command == nullptr) {
      return UsageError(
          absl::StrFormat("unknown flag %s; before the command stand only global flags: %s", name,
                          JoinNames(result_.flag_specs)));
    }
    return UsageError(absl::StrFormat("unknown flag %s of \"%s\"; allowed: %s", name,
                                      result_.command->name,
                                      JoinNames(Concat(FlagsOf(*result_.command), GlobalFlags()))));
  }

  static std::string JoinNames(const std::vector<FlagSpec>& flags) {
    std::vector<std::string> names;
    names.reserve(flags.size());
    for (const FlagSpec& flag : flags) names.emplace_back(flag.name);
    return absl::StrJoin(names, ", ");
  }

  absl::Status Check() const {
    if (result_.command == nullptr) {
      const std::vector<std::string> allowed = NextWords(result_.command_words);
      return UsageError(absl::StrFormat(
          "%s needs a command: %s",
          result_.command_words.empty() ? "routerctl" : absl::StrJoin(result_.command_words, " "),
          Alternatives(allowed)));
    }
    const CommandSpec& command = *result_.command;
    const std::vector<FlagSpec> own = FlagsOf(command);
    for (const GivenFlag& given : result_.flags) {
      for (const FlagSpec& change : ChangeFlags()) {
        const bool taken = std::any_of(own.begin(), own.end(),
                                       [&](const FlagSpec& f) { return f.name == change.name; });
        if (given.spec->name == change.name && !taken) {
          return UsageError(absl::StrFormat("\"%s\" takes no %s", command.name, change.name));
        }
      }
      const auto times = std::count_if(result_.flags.begin(), result_.flags.end(),
                                       [&](const GivenFlag& f) { return f.spec == given.spec; });
      if (times > 1 && !given.spec->repeated) {
        return UsageError(absl::StrFormat("%s is given %d times", given.spec->name, times));
      }
    }
    return CheckCount(command);
  }

  absl::Status CheckCount(const CommandSpec& command) const {
    size_t least = 0;
    size_t most = 0;
    std::vector<std::string> names;
    for (const auto name : absl::StrSplit(std::string(command.arguments), ' ', absl::SkipEmpty())) {
      const std::string text(name);
      names.push_back(text);
      least += text[0] == '[' ? 0 : 1;
      most = text.find("...") != std::string::npos ? SIZE_MAX : most + 1;
    }
    if (result_.words.size() < least) {
      return UsageError(absl::StrFormat("\"%s\" needs %s", command.name,
                                        names[std::min(result_.words.size(), names.size() - 1)]));
    }
    if (result_.words.size() > most) {
      return UsageError(absl::StrFormat("\"%s\" does not take \"%s\"; usage: routerctl %s %s",
                                        command.name, result_.words[most], command.name,
                                        command.arguments));
    }
    return absl::OkStatus();
  }

  const std::vector<std::string>& args_;
  size_t at_ = 0;
  bool only_words_ = false;
  std::vector<Taken> taken_;
  Arguments result_;
};

}  // namespace

absl::Status UsageError(const std::string& message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsage, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) { return status.GetPayload(kUsage).has_value(); }

bool Arguments::Has(std::string_view name) const {
  return std::any_of(flags.begin(), flags.end(),
                     [&](const GivenFlag& flag) { return flag.spec->name == name; });
}

std::optional<std::string> Arguments::Get(std::string_view name) const {
  const std::vector<std::string> all = All(name);
  if (all.empty()) return std::nullopt;
  return all.back();
}

std::vector<std::string> Arguments::All(std::string_view name) const {
  std::vector<std::string> values;
  for (const GivenFlag& flag : flags) {
    if (flag.spec->name == name) values.push_back(flag.value);
  }
  return values;
}

absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& args) {
  return Parser(args).Parse();
}

std::string Alternatives(const std::vector<std::string>& words) {
  if (words.size() < 2) return absl::StrJoin(words, "");
  return absl::StrJoin(words.begin(), words.end() - 1, ", ") + " or " + words.back();
}

std::vector<std::string> SplitChoices(std::string_view choices) {
  return absl::StrSplit(std::string(choices), '|', absl::SkipEmpty());
}

}  // namespace vllm_router::routerctl
