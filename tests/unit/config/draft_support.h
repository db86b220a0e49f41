// A configuration that mutations are tried on.
#ifndef TESTS_UNIT_CONFIG_DRAFT_SUPPORT_H_
#define TESTS_UNIT_CONFIG_DRAFT_SUPPORT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/config/draft.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::config {

// Generation 4: two backends with a model each, one alias, one policy of a model.
inline v1::Config Base() {
  v1::Config config = Draft::Empty();
  config.MergeFrom(Proto<v1::Config>(R"(
      generation: 4
      backends { name: "backends/a" etag: "e1" url: "http://a:1" models { model: "m" } generation: 1
                 source: BACKEND_SOURCE_FLAG create_time { seconds: 10 } }
      backends { name: "backends/b" etag: "e2" url: "http://b:1" models { model: "n" } generation: 2
                 source: BACKEND_SOURCE_ADMIN api_key { inline_key: "sk-secret" } }
      routing_policies { name: "routing/m" etag: "e3" session_key: "k" session { } }
      model_aliases { name: "aliases/x" etag: "e4" targets { model: "m" } })"));
  config.mutable_limits()->set_etag("e5");
  return config;
}

inline DocumentPtr Keep(v1::Config config) {
  return std::make_shared<const Document>(std::move(config));
}

// Generation 5, at second 100.
inline Stamp Next() {
  Stamp stamp{.generation = 5, .now = {}, .etag = "e-5"};
  stamp.now.set_seconds(100);
  return stamp;
}

inline base::Outcome<Change> Apply(const v1::Config& base, const std::string& mutations) {
  Draft draft(Keep(base), {}, Next());
  draft.ApplyAll(Proto<v1::ApplyConfigRequest>(mutations).mutations());
  return draft.Finish();
}

inline std::vector<std::string> ViolationsOf(const base::Outcome<Change>& outcome) {
  std::vector<std::string> lines;
  if (outcome.ok()) return lines;
  for (const base::Violation& v : outcome.failure().violations) {
    lines.push_back(v.field + ": " + v.description);
  }
  return lines;
}

inline std::vector<std::string> ChangedNames(const Change& change) {
  std::vector<std::string> names;
  for (const v1::ResourceDiff& resource : change.diff.resources()) names.push_back(resource.name());
  return names;
}

inline const v1::Backend* FindBackend(const v1::Config& config, std::string_view name) {
  for (const v1::Backend& backend : config.backends()) {
    if (backend.name() == name) return &backend;
  }
  return nullptr;
}

}  // namespace vllm_router::config

#endif  // TESTS_UNIT_CONFIG_DRAFT_SUPPORT_H_
