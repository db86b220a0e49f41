#include "server/app/config_file_models.h"

#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/app/config.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

using Kind = DocumentNode::Kind;

absl::Status Problem(const DocumentNode& node, std::string_view origin, std::string_view what) {
  return DocumentError(origin, node.line, node.column, what);
}

// One entry of a list with commas, so it can hold none.
absl::Status CheckEntry(std::string_view key, const DocumentNode& node, std::string_view origin) {
  if (node.kind != Kind::kScalar || base::TrimOws(node.text).empty()) {
    return Problem(node, origin, absl::StrFormat("%s: give text here", key));
  }
  if (node.text.find(',') == std::string::npos) return absl::OkStatus();
  return Problem(
      node, origin,
      absl::StrFormat("%s '%s' is not allowed: it holds a comma", key, base::Printable(node.text)));
}

struct Model {
  std::vector<std::string> backends;
  std::string type;
  std::string label;
};

absl::Status ReadBackends(const std::string& path, const DocumentNode& node,
                          std::string_view origin, Model* model) {
  if (node.kind == Kind::kScalar) {
    for (const std::string_view url : base::SplitList(node.text)) model->backends.emplace_back(url);
    return absl::OkStatus();
  }
  if (node.kind != Kind::kList) {
    return Problem(node, origin, path + " cannot be a map: give a list of URLs");
  }
  for (const DocumentNode& url : node.items) {
    ROUTER_RETURN_IF_ERROR(CheckEntry(path, url, origin));
    model->backends.push_back(url.text);
  }
  return absl::OkStatus();
}

absl::StatusOr<Model> ReadModel(const DocumentNode& name, const DocumentNode& details,
                                std::string_view origin) {
  Model model;
  const std::string path = "static_models." + base::Printable(name.text);
  if (details.kind == Kind::kNull) return model;
  if (details.kind != Kind::kMap) {
    return Problem(details, origin, path + " is no map: give it static_backends");
  }
  for (size_t i = 0; i < details.keys.size(); ++i) {
    const DocumentNode& key = details.keys[i];
    const DocumentNode& value = details.items[i];
    const std::string below = absl::StrFormat("%s.%s", path, base::Printable(key.text));
    std::string* text = nullptr;
    if (key.text == "static_model_type") text = &model.type;
    if (key.text == "static_model_label") text = &model.label;
    if (text == nullptr && key.text != "static_backends") {
      return Problem(key, origin,
                     below +
                         " is unknown: choose static_backends, static_model_type or "
                         "static_model_label");
    }
    if (value.kind == Kind::kNull) continue;
    if (text == nullptr) {
      ROUTER_RETURN_IF_ERROR(ReadBackends(below, value, origin, &model));
    } else {
      ROUTER_RETURN_IF_ERROR(CheckEntry(below, value, origin));
      *text = value.text;
    }
  }
  return model;
}

// "" when none of `texts` is given, else with `fallback` for those that are not.
std::string JoinWithDefault(std::vector<std::string> texts, const std::string& fallback) {
  bool any = false;
  for (std::string& text : texts) {
    if (text.empty()) {
      text = fallback;
    } else {
      any = true;
    }
  }
  return any ? absl::StrJoin(texts, ",") : "";
}

}  // namespace

absl::StatusOr<FlatModels> FlattenModels(const DocumentNode& models, std::string_view origin) {
  std::vector<std::string> urls;
  std::vector<std::string> names;
  std::vector<std::string> types;
  std::vector<std::string> labels;
  for (size_t i = 0; i < models.keys.size(); ++i) {
    const DocumentNode& name = models.keys[i];
    ROUTER_RETURN_IF_ERROR(CheckEntry("static_models", name, origin));
    ROUTER_ASSIGN_OR_RETURN(const Model model, ReadModel(name, models.items[i], origin));
    for (const std::string& url : model.backends) {
      urls.push_back(url);
      names.push_back(name.text);
      types.push_back(model.type);
      labels.push_back(model.label);
    }
  }
  const StaticBackend defaults;
  return FlatModels{.backends = absl::StrJoin(urls, ","),
                    .models = absl::StrJoin(names, ","),
                    .types = JoinWithDefault(std::move(types), defaults.model_type),
                    .labels = JoinWithDefault(std::move(labels), defaults.label)};
}

absl::StatusOr<std::string> FlattenAliases(const DocumentNode& aliases, std::string_view origin) {
  std::vector<std::string> entries;
  for (size_t i = 0; i < aliases.keys.size(); ++i) {
    const DocumentNode& alias = aliases.keys[i];
    ROUTER_RETURN_IF_ERROR(CheckEntry("static_aliases", alias, origin));
    const std::string path = "static_aliases." + base::Printable(alias.text);
    ROUTER_RETURN_IF_ERROR(CheckEntry(path, aliases.items[i], origin));
    entries.push_back(absl::StrFormat("%s:%s", alias.text, aliases.items[i].text));
  }
  return absl::StrJoin(entries, ",");
}

absl::StatusOr<std::string> JoinEntries(std::string_view key, const DocumentNode& list,
                                        std::string_view origin) {
  std::vector<std::string> entries;
  for (const DocumentNode& entry : list.items) {
    ROUTER_RETURN_IF_ERROR(CheckEntry(key, entry, origin));
    entries.push_back(entry.text);
  }
  return absl::StrJoin(entries, ",");
}

}  // namespace vllm_router::app
