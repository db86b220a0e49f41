#include "server/app/dynamic_config.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

struct ShownKey {
  std::string_view name;
  std::string_view when_not_given = "null";
};

// What the original can reload, sorted. Its keys that are absent from a file have these values, and
// not those of its flags.
constexpr ShownKey kShown[] = {
    {"callbacks"},
    {"decode_model_labels"},
    {"k8s_label_selector"},
    {"k8s_namespace"},
    {"k8s_port"},
    {"prefill_model_labels"},
    {"routing_logic"},
    {"service_discovery"},
    {"session_key"},
    {"static_aliases"},
    {"static_backend_health_check_interval", "60"},
    {"static_backend_health_check_timeout_seconds", "10"},
    {"static_backend_health_checks", "false"},
    {"static_backends"},
    {"static_model_labels"},
    {"static_model_types"},
    {"static_models"},
};

const FlagValue& Find(const std::vector<FlagValue>& values, std::string_view name) {
  const auto same = [&](const FlagValue& value) { return value.spec->name == name; };
  return *std::find_if(values.begin(), values.end(), same);
}

std::string AsJson(const FlagValue& value) {
  if (IsSwitch(*value.spec)) return value.text;
  double number = 0;
  // gflags prints 0.95 with all its 17 digits.
  if (!AllowedRange(*value.spec).empty() && absl::SimpleAtod(value.text, &number)) {
    return absl::StrFormat("%.15g", number);
  }
  return absl::StrFormat("\"%s\"", base::JsonEscape(value.text));
}

bool NeedsRestart(const FlagSpec& spec, std::string_view was, std::string_view now) {
  if (spec.needs_restart) return true;
  return spec.restart_for != nullptr && (spec.restart_for(was) || spec.restart_for(now));
}

}  // namespace

absl::Status CheckRestart(const ConfigFile& file, const std::vector<FlagValue>& started,
                          const std::vector<FlagValue>& next) {
  for (size_t i = 0; i < started.size(); ++i) {
    const FlagValue& was = started[i];
    const FlagValue& now = next[i];
    if (was.text == now.text || !NeedsRestart(*was.spec, was.text, now.text)) continue;
    const std::string_view because = was.spec->restart_because;
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: %s '%s' needs a restart%s%s: the router was started with '%s'",
                        now.source == FlagSource::kFile ? now.where : base::Printable(file.path),
                        was.spec->name, base::Printable(now.text), because.empty() ? "" : ", for ",
                        because, base::Printable(was.text)));
  }
  return absl::OkStatus();
}

std::string RenderDynamicConfig(const std::vector<FlagValue>& values) {
  std::string out;
  for (const ShownKey& key : kShown) {
    const FlagValue& value = Find(values, key.name);
    const bool given = value.source != FlagSource::kDefault;
    out += absl::StrFormat("%s\"%s\":%s", out.empty() ? "{" : ",", key.name,
                           given ? AsJson(value) : key.when_not_given);
  }
  return out + "}";
}

}  // namespace vllm_router::app
