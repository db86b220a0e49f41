#include "server/app/flags.h"

#include <gflags/gflags.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/app/dynamic_config.h"
#include "server/app/flags_names.h"
#include "server/app/flags_spec.h"
#include "server/app/read_file.h"
#include "server/base/mutex.h"
#include "server/base/status.h"
#include "server/base/strings.h"

DECLARE_string(dynamic_config_json);
DECLARE_string(dynamic_config_yaml);

namespace vllm_router::app {
namespace {

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

// Walks the arguments and sets gflags' values. The variant that is returned is ShowHelp,
// ShowVersion, or nothing: go on.
class Walk {
 public:
  Walk(const std::vector<std::string>& args, GivenFlags* given, std::vector<std::string>* warnings)
      : args_(args), given_(*given), warnings_(*warnings) {}

  absl::StatusOr<std::optional<CommandLine>> Run() {
    while (next_ < args_.size()) {
      const std::string_view arg = args_[next_++];
      if (arg == "-h") return ShowHelp{};
      if (arg.substr(0, 2) != "--" || arg == "--") return UnexpectedArgument(arg);
      const size_t equals = arg.find('=');
      const std::string_view typed = arg.substr(0, equals);
      ROUTER_ASSIGN_OR_RETURN(NamedFlag flag, FindFlag(typed));
      if (!flag.warning.empty()) warnings_.push_back(std::move(flag.warning));
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
    return given_.Set(spec, typed, *value);
  }

  const std::vector<std::string>& args_;
  size_t next_ = 0;
  GivenFlags& given_;
  std::vector<std::string>& warnings_;
};

// The file that the command line names.
absl::StatusOr<ConfigFile> NamedFile() {
  if (!FLAGS_dynamic_config_yaml.empty() && !FLAGS_dynamic_config_json.empty()) {
    return absl::InvalidArgumentError(
        "--dynamic-config-json and --dynamic-config-yaml exclude each other: give one of them");
  }
  if (!FLAGS_dynamic_config_json.empty()) {
    return ConfigFile{FLAGS_dynamic_config_json, DocumentFormat::kJson};
  }
  return ConfigFile{FLAGS_dynamic_config_yaml, DocumentFormat::kYaml};
}

absl::Status FillConfig(const GivenFlags& given, StartRouter* start) {
  ROUTER_RETURN_IF_ERROR(given.CheckEffects(&start->warnings));
  for (const FlagGroup* group : AllFlagGroups()) {
    ROUTER_RETURN_IF_ERROR(group->fill(&start->config, &start->warnings));
  }
  return absl::OkStatus();
}

// `file_text`: instead of what the file holds.
absl::StatusOr<CommandLine> Parse(std::vector<std::string> args,
                                  std::optional<std::string_view> file_text) {
  static base::Mutex mutex;
  const base::MutexLock lock(&mutex);
  const gflags::FlagSaver restores_defaults;
  StartRouter start;
  GivenFlags given;
  ROUTER_ASSIGN_OR_RETURN(std::optional<CommandLine> shown,
                          Walk(args, &given, &start.warnings).Run());
  if (shown) return *std::move(shown);
  start.args = std::move(args);
  ROUTER_ASSIGN_OR_RETURN(start.config_file, NamedFile());
  if (!start.config_file.path.empty()) {
    if (file_text) {
      start.config_text = *file_text;
    } else {
      absl::StatusOr<std::string> text = ReadFile(start.config_file.path);
      if (!text.ok()) {
        return absl::InvalidArgumentError(
            absl::StrFormat("the dynamic configuration: %s", text.status().message()));
      }
      start.config_text = *std::move(text);
    }
    ROUTER_ASSIGN_OR_RETURN(const std::vector<FileSetting> settings,
                            ParseConfigFile(start.config_file, start.config_text));
    for (const FileSetting& setting : settings) {
      ROUTER_RETURN_IF_ERROR(given.SetFromFile(setting));
    }
  }
  if (const absl::Status filled = FillConfig(given, &start); !filled.ok()) {
    return absl::Status(filled.code(), given.NameOrigins(base::StdView(filled.message())));
  }
  for (std::string& warning : start.warnings) warning = given.NameOrigins(warning);
  start.values = given.Values();
  return start;
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv) {
  return Parse({argv + std::min(argc, 1), argv + argc}, std::nullopt);
}

absl::StatusOr<StartRouter> ParseAgain(const StartRouter& started, std::string_view text) {
  ROUTER_ASSIGN_OR_RETURN(CommandLine line, Parse(started.args, text));
  // The same arguments: they start a router again.
  auto& next = std::get<StartRouter>(line);
  ROUTER_RETURN_IF_ERROR(CheckRestart(started.config_file, started.values, next.values));
  return std::move(next);
}

}  // namespace vllm_router::app
