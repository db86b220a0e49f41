#include "server/app/flags.h"

#include <gflags/gflags.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/app/flags_names.h"
#include "server/app/flags_spec.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

struct GivenFlag {
  const FlagSpec* spec;
  int times = 0;
};

struct Parsed {
  std::vector<GivenFlag> given;  // in the order of the first appearance
  std::vector<std::string> warnings;
};

bool IsSwitch(const FlagSpec& spec) { return spec.metavar.empty() && spec.choices.empty(); }

std::string ValueOf(const FlagSpec& spec) {
  std::string value;
  gflags::GetCommandLineOption(std::string(spec.name).c_str(), &value);
  return value;
}

// argparse's rule: what begins with a dash is an option, unless it is a lone dash, a negative
// number or holds a space.
bool LooksLikeOption(std::string_view arg) {
  if (arg.size() < 2 || arg.front() != '-') return false;
  if (arg.find(' ') != std::string_view::npos) return false;
  return arg.find_first_not_of("0123456789.", 1) != std::string_view::npos;
}

absl::Status UnexpectedArgument(std::string_view arg) {
  const std::string nearest = LooksLikeOption(arg) ? NearestFlag(arg) : "";
  return absl::InvalidArgumentError(
      absl::StrFormat("unexpected argument '%s': %s", base::Printable(arg),
                      nearest.empty() ? "give flags as --name value"
                                      : absl::StrFormat("did you mean %s?", nearest)));
}

absl::Status SetValue(const FlagSpec& spec, std::string_view typed, std::string_view value,
                      Parsed* parsed) {
  ROUTER_RETURN_IF_ERROR(CheckFlagValue(spec, typed, value));
  const std::string name(spec.name);
  if (gflags::SetCommandLineOption(name.c_str(), std::string(value).c_str()).empty()) {
    return absl::InvalidArgumentError(absl::StrFormat("%s '%s' is not allowed: %s", typed,
                                                      base::Printable(value), AllowedValues(spec)));
  }
  const auto same = [&](const GivenFlag& flag) { return flag.spec == &spec; };
  auto flag = std::find_if(parsed->given.begin(), parsed->given.end(), same);
  if (flag == parsed->given.end()) flag = parsed->given.insert(flag, GivenFlag{&spec});
  ++flag->times;
  return absl::OkStatus();
}

// Walks argv and sets gflags' values. The variant that is returned is ShowHelp, ShowVersion, or
// nothing: go on.
class Walk {
 public:
  Walk(int argc, const char* const* argv, Parsed* parsed)
      : args_(argv + std::min(argc, 1), argv + argc), parsed_(*parsed) {}

  absl::StatusOr<std::optional<CommandLine>> Run() {
    while (next_ < args_.size()) {
      const std::string_view arg = args_[next_++];
      if (arg == "-h") return ShowHelp{};
      if (arg.substr(0, 2) != "--" || arg == "--") return UnexpectedArgument(arg);
      const size_t equals = arg.find('=');
      const std::string_view typed = arg.substr(0, equals);
      ROUTER_ASSIGN_OR_RETURN(NamedFlag flag, FindFlag(typed));
      if (!flag.warning.empty()) parsed_.warnings.push_back(std::move(flag.warning));
      if (flag.spec->effect == FlagEffect::kShowsHelp) return ShowHelp{};
      if (flag.spec->effect == FlagEffect::kShowsVersion) return ShowVersion{};
      std::optional<std::string_view> value;
      if (equals != std::string_view::npos) value = arg.substr(equals + 1);
      ROUTER_RETURN_IF_ERROR(Take(*flag.spec, typed, value));
    }
    return std::nullopt;
  }

 private:
  absl::Status Take(const FlagSpec& spec, std::string_view typed,
                    std::optional<std::string_view> value) {
    if (!value && IsSwitch(spec)) value = "true";
    if (!value && next_ < args_.size() && !LooksLikeOption(args_[next_])) value = args_[next_++];
    if (!value) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s needs a value: %s", typed, AllowedValues(spec)));
    }
    return SetValue(spec, typed, *value, &parsed_);
  }

  const std::vector<std::string_view> args_;
  size_t next_ = 0;
  Parsed& parsed_;
};

// An empty or false value asks for nothing.
bool AsksForSomething(const FlagSpec& spec) {
  const std::string value = ValueOf(spec);
  return !value.empty() && !(IsSwitch(spec) && value == "false");
}

absl::Status CheckEffects(Parsed* parsed) {
  std::string without_effect;
  for (const auto& [spec, times] : parsed->given) {
    const std::string title = FlagTitle(*spec);
    if (times > 1) {
      parsed->warnings.push_back(
          absl::StrFormat("%s is given %d times: the last value wins", title, times));
    }
    if (!AsksForSomething(*spec)) continue;
    if (spec->effect == FlagEffect::kStopsStart) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s '%s' is not available in this version: %s", title,
                          base::Printable(ValueOf(*spec)), spec->why));
    }
    if (spec->effect != FlagEffect::kNoEffect) continue;
    if (!without_effect.empty()) without_effect += ", ";
    without_effect += title;
  }
  if (!without_effect.empty()) {
    parsed->warnings.push_back("accepted without effect in this version: " + without_effect);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv) {
  const gflags::FlagSaver restores_defaults;
  Parsed parsed;
  ROUTER_ASSIGN_OR_RETURN(std::optional<CommandLine> shown, Walk(argc, argv, &parsed).Run());
  if (shown) return *std::move(shown);
  ROUTER_RETURN_IF_ERROR(CheckEffects(&parsed));
  StartRouter start;
  start.warnings = std::move(parsed.warnings);
  for (const FlagGroup* group : AllFlagGroups()) {
    ROUTER_RETURN_IF_ERROR(group->fill(&start.config, &start.warnings));
  }
  return start;
}

}  // namespace vllm_router::app
