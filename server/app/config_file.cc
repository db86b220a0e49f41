#include "server/app/config_file.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "server/app/config_file_models.h"
#include "server/app/flags_names.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

using Kind = DocumentNode::Kind;

// What would make no sense in the file: they show something, or name the file.
bool BelongsToTheCommandLine(const FlagSpec& spec) {
  return spec.effect == FlagEffect::kShowsHelp || spec.effect == FlagEffect::kShowsVersion ||
         spec.name == "dynamic_config_yaml" || spec.name == "dynamic_config_json";
}

// As YAML 1.1 has it, which the original reads: True, yes, ON.
std::string SwitchText(const DocumentNode& node) {
  const std::string word = base::AsciiLower(node.text);
  if (node.quoted) return node.text;
  if (word == "true" || word == "yes" || word == "on") return "true";
  if (word == "false" || word == "no" || word == "off") return "false";
  return node.text;
}

class Reader {
 public:
  explicit Reader(std::string_view origin) : origin_(origin) {}

  absl::StatusOr<std::vector<FileSetting>> Read(const DocumentNode& root) {
    if (root.kind == Kind::kNull) return std::move(settings_);
    if (root.kind != Kind::kMap) {
      return DocumentError(origin_, root.line, root.column,
                           "the file is no map of settings: give lines such as `routing_logic: "
                           "roundrobin`");
    }
    for (size_t i = 0; i < root.keys.size(); ++i) {
      ROUTER_RETURN_IF_ERROR(ReadKey(root.keys[i], root.items[i]));
    }
    return std::move(settings_);
  }

 private:
  absl::Status ReadKey(const DocumentNode& key, const DocumentNode& value) {
    const FlagSpec* spec = FindKey(key.text);
    if (spec == nullptr) return Unknown(key);
    if (BelongsToTheCommandLine(*spec)) {
      return DocumentError(origin_, key.line, key.column,
                           absl::StrFormat("%s cannot be set in a file: give %s on the command "
                                           "line",
                                           key.text, FlagTitle(*spec)));
    }
    if (value.kind == Kind::kNull) return absl::OkStatus();
    if (spec->name == "static_models" && value.kind == Kind::kMap) return ReadModels(key, value);
    if (spec->name == "static_aliases" && value.kind == Kind::kMap) {
      ROUTER_ASSIGN_OR_RETURN(const std::string aliases, FlattenAliases(value, origin_));
      return Set(*spec, key, aliases);
    }
    if (value.kind == Kind::kList && TakesList(*spec)) {
      ROUTER_ASSIGN_OR_RETURN(const std::string list, JoinEntries(key.text, value, origin_));
      return Set(*spec, key, list);
    }
    if (value.kind != Kind::kScalar) {
      return DocumentError(
          origin_, value.line, value.column,
          absl::StrFormat("%s cannot be a %s: %s", key.text,
                          value.kind == Kind::kList ? "list" : "map", AllowedValues(*spec)));
    }
    return Set(*spec, key, IsSwitch(*spec) ? SwitchText(value) : value.text);
  }

  absl::Status ReadModels(const DocumentNode& key, const DocumentNode& models) {
    ROUTER_ASSIGN_OR_RETURN(const FlatModels flat, FlattenModels(models, origin_));
    const std::pair<std::string_view, const std::string&> lists[] = {
        {"static_backends", flat.backends},
        {"static_models", flat.models},
        {"static_model_types", flat.types},
        {"static_model_labels", flat.labels}};
    for (const auto& [name, list] : lists) ROUTER_RETURN_IF_ERROR(Set(*FindKey(name), key, list));
    return absl::OkStatus();
  }

  absl::Status Set(const FlagSpec& spec, const DocumentNode& key, std::string_view value) {
    const auto same = [&](const FileSetting& other) { return other.spec == &spec; };
    if (std::any_of(settings_.begin(), settings_.end(), same)) {
      // Keys are distinct: only the map form of static_models can meet one of its lists.
      return DocumentError(origin_, key.line, key.column,
                           absl::StrFormat("%s is given beside static_models as a map: the map "
                                           "holds it for each model",
                                           spec.name));
    }
    std::string where = absl::StrFormat("%s:%d:%d", origin_, key.line, key.column);
    ROUTER_RETURN_IF_ERROR(
        CheckFlagValue(spec, absl::StrFormat("%s: %s", where, spec.name), value));
    settings_.push_back({&spec, std::string(value), std::move(where)});
    return absl::OkStatus();
  }

  absl::Status Unknown(const DocumentNode& key) const {
    std::string nearest = NearestFlag(key.text);
    std::replace(nearest.begin(), nearest.end(), '-', '_');
    return DocumentError(
        origin_, key.line, key.column,
        absl::StrFormat("the key '%s' is unknown: %s", base::Printable(key.text),
                        nearest.empty() ? "keys are flags' names with underscores, see --help"
                                        : "did you mean " + nearest.substr(2) + "?"));
  }

  const std::string_view origin_;
  std::vector<FileSetting> settings_;
};

}  // namespace

absl::StatusOr<std::vector<FileSetting>> ParseConfigFile(const ConfigFile& file,
                                                         std::string_view text) {
  const std::string origin = base::Printable(file.path);
  ROUTER_ASSIGN_OR_RETURN(const DocumentNode root, ParseDocument(text, file.format, origin));
  return Reader(origin).Read(root);
}

}  // namespace vllm_router::app
