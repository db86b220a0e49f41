#include "server/control/render_lists.h"

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/openai/model_list.h"

namespace vllm_router::control {

fleet::RenderedLists RenderLists(const fleet::Snapshot& snapshot, int64_t created) {
  fleet::RenderedLists lists;
  std::vector<openai::ModelCard> models;
  std::vector<openai::EngineCard> engines;
  absl::flat_hash_set<std::string_view> seen;
  engines.reserve(snapshot.backends.size());
  for (const fleet::BackendPtr& backend : snapshot.backends) {
    engines.push_back({.engine_id = backend->spec.id,
                       .serving_models = backend->spec.models,
                       .created = created});
    const auto list = [&](const std::string& name) {
      if (!seen.insert(name).second) return;
      openai::ModelCard card;
      card.id = name;
      card.created = created;
      lists.model_json[name] = openai::ModelBody(card);
      models.push_back(std::move(card));
    };
    for (const std::string& model : backend->spec.models) list(model);
    for (const fleet::ModelAlias& alias : backend->spec.aliases) list(alias.alias);
  }
  lists.models_json = openai::ModelListBody(models);
  lists.engines_json = openai::EngineListBody(engines);
  return lists;
}

}  // namespace vllm_router::control
