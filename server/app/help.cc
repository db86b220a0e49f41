#include "server/app/help.h"

#include <gflags/gflags.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "server/app/flags_spec.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

constexpr size_t kMostColumns = 100;
constexpr size_t kFewestColumns = 60;

constexpr std::string_view kUsage =
    "usage: vllm-router --service-discovery TYPE --routing-logic LOGIC [flags]\n";

constexpr std::string_view kNotes =
    "A flag takes its value as `--flag VALUE` or `--flag=VALUE`; switches take none. Names may be "
    "shortened as long as they are unique. Seconds are decimal: 2, 0.5. A flag without a default "
    "is not set, and a switch is off.";

constexpr std::string_view kConfigFile =
    "--dynamic-config-yaml and --dynamic-config-json name a file whose keys are the flags below "
    "with "
    "underscores (`routing_logic: session`); what the command line gives wins.";

constexpr std::string_view kEnvironment =
    "VLLM_API_KEY: the key for the router's own calls to engines (never for clients' requests).";

constexpr std::string_view kExamples =
    "  vllm-router --port 8000 --service-discovery static \\\n"
    "      --static-backends http://localhost:9001,http://localhost:9002 \\\n"
    "      --static-models llama,llama --routing-logic roundrobin\n"
    "  vllm-router --service-discovery static --static-backends http://engine:8000 \\\n"
    "      --static-models llama --routing-logic session --session-key x-user-id\n";

void AppendWrapped(std::string_view text, size_t indent, size_t columns, std::string* out) {
  size_t used = 0;
  for (const std::string_view word : base::SplitList(text, ' ')) {
    if (used > 0 && used + 1 + word.size() > columns) {
      *out += '\n';
      used = 0;
    }
    const size_t gap = used == 0 ? indent : 1;
    out->append(gap, ' ');
    *out += word;
    used += gap + word.size();
  }
  *out += '\n';
}

std::string DefaultText(const gflags::CommandLineFlagInfo& info) {
  if (info.type == "bool") return info.default_value == "true" ? " Default: true." : "";
  if (info.default_value.empty()) return "";
  double number = 0;
  // gflags prints 0.95 with all its 17 digits.
  if (info.type == "double" && absl::SimpleAtod(info.default_value, &number)) {
    return absl::StrFormat(" Default: %.15g.", number);
  }
  return absl::StrFormat(" Default: %s.", info.default_value);
}

std::string Description(const FlagSpec& spec) {
  if (spec.effect == FlagEffect::kShowsHelp || spec.effect == FlagEffect::kShowsVersion) {
    return std::string(spec.why);
  }
  gflags::CommandLineFlagInfo info;
  gflags::GetCommandLineFlagInfo(std::string(spec.name).c_str(), &info);
  std::string text = info.description + DefaultText(info);
  if (!spec.choices.empty()) text += " Allowed: " + JoinWords(spec.choices, " or ") + ".";
  if (const std::string range = AllowedRange(spec); !range.empty()) {
    text += " Allowed: " + range + ".";
  }
  if (!spec.later.empty()) {
    text += " Not available in this version: " + JoinWords(spec.later, " and ") + ".";
  }
  if (spec.effect == FlagEffect::kStopsStart) text += " Not available in this version.";
  if (spec.effect == FlagEffect::kNoEffect) text += " No effect in this version.";
  return text;
}

std::string Title(const FlagSpec& spec) {
  std::string title = spec.effect == FlagEffect::kShowsHelp ? "-h, --help" : FlagTitle(spec);
  if (!spec.metavar.empty()) title += " " + std::string(spec.metavar);
  if (!spec.choices.empty()) {
    std::string words(spec.choices);
    std::replace(words.begin(), words.end(), '|', ',');
    title += " {" + words + "}";
  }
  return title;
}

}  // namespace

std::string HelpText(size_t columns) {
  columns = std::max(columns, kFewestColumns);
  std::string out(kUsage);
  out += "\nAn OpenAI-compatible router in front of many vLLM engines.\n";
  AppendWrapped(kNotes, 0, columns, &out);
  AppendWrapped(kConfigFile, 0, columns, &out);
  for (const FlagGroup* group : AllFlagGroups()) {
    out += absl::StrFormat("\n%s:\n", group->title);
    for (const FlagSpec& spec : group->flags) {
      out += absl::StrFormat("  %s\n", Title(spec));
      AppendWrapped(Description(spec), 6, columns, &out);
    }
  }
  out += "\nEnvironment:\n";
  AppendWrapped(kEnvironment, 2, columns, &out);
  out += absl::StrFormat("\nExamples:\n%s", kExamples);
  return out;
}

size_t HelpColumns() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kMostColumns;
  return std::clamp<size_t>(size.ws_col, kFewestColumns, kMostColumns);
}

}  // namespace vllm_router::app
