#include "server/admin/config_delta.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "server/config/names.h"

namespace vllm_router::admin {
namespace {

// A resource is another one when it was last changed in another generation.
template <typename List, typename Add>
void Compare(const List& from, const List& to, v1::ConfigDelta* delta, Add add) {
  std::map<std::string_view, uint64_t> before;
  for (const auto& resource : from) before.emplace(resource.name(), resource.generation());
  for (const auto& resource : to) {
    const auto known = before.find(resource.name());
    if (known == before.end() || known->second != resource.generation()) {
      *add(delta->add_upserted()) = resource;
    }
    if (known != before.end()) before.erase(known);
  }
  for (const auto& [name, generation] : before) delta->add_deleted(std::string(name));
}

bool SameOrder(const v1::Config& from, const v1::Config& to) {
  return std::equal(from.backends().begin(), from.backends().end(), to.backends().begin(),
                    to.backends().end(),
                    [](const auto& a, const auto& b) { return a.name() == b.name(); });
}

v1::ResourceKind KindOf(const v1::ConfigResource& resource) {
  switch (resource.resource_case()) {
    case v1::ConfigResource::kBackend:
      return v1::RESOURCE_KIND_BACKEND;
    case v1::ConfigResource::kRoutingPolicy:
      return v1::RESOURCE_KIND_ROUTING_POLICY;
    case v1::ConfigResource::kCallback:
      return v1::RESOURCE_KIND_CALLBACK;
    case v1::ConfigResource::kModelAlias:
      return v1::RESOURCE_KIND_MODEL_ALIAS;
    case v1::ConfigResource::kLimits:
      return v1::RESOURCE_KIND_LIMITS;
    case v1::ConfigResource::RESOURCE_NOT_SET:
      break;
  }
  return v1::RESOURCE_KIND_UNSPECIFIED;
}

v1::ResourceKind KindOf(std::string_view name) {
  if (config::IdIn(config::kBackends, name)) return v1::RESOURCE_KIND_BACKEND;
  if (config::IdIn(config::kCallbacks, name)) return v1::RESOURCE_KIND_CALLBACK;
  if (config::IdIn(config::kAliases, name)) return v1::RESOURCE_KIND_MODEL_ALIAS;
  if (name == config::kLimits) return v1::RESOURCE_KIND_LIMITS;
  return v1::RESOURCE_KIND_ROUTING_POLICY;
}

bool Wanted(const google::protobuf::RepeatedField<int>& kinds, v1::ResourceKind kind) {
  return std::find(kinds.begin(), kinds.end(), static_cast<int>(kind)) != kinds.end();
}

}  // namespace

v1::ConfigDelta DeltaBetween(const v1::Config& from, const v1::Config& to) {
  v1::ConfigDelta delta;
  delta.set_from_generation(from.generation());
  Compare(from.backends(), to.backends(), &delta, [](auto* r) { return r->mutable_backend(); });
  Compare(from.routing_policies(), to.routing_policies(), &delta,
          [](auto* r) { return r->mutable_routing_policy(); });
  Compare(from.callbacks(), to.callbacks(), &delta, [](auto* r) { return r->mutable_callback(); });
  Compare(from.model_aliases(), to.model_aliases(), &delta,
          [](auto* r) { return r->mutable_model_alias(); });
  if (from.limits().generation() != to.limits().generation()) {
    *delta.add_upserted()->mutable_limits() = to.limits();
  }
  if (!SameOrder(from, to)) {
    for (const v1::Backend& backend : to.backends()) delta.add_backend_order(backend.name());
  }
  return delta;
}

void KeepKinds(const google::protobuf::RepeatedField<int>& kinds, v1::ConfigDelta* delta) {
  if (kinds.empty()) return;
  auto& upserted = *delta->mutable_upserted();
  upserted.erase(std::remove_if(upserted.begin(), upserted.end(),
                                [&](const auto& r) { return !Wanted(kinds, KindOf(r)); }),
                 upserted.end());
  auto& deleted = *delta->mutable_deleted();
  deleted.erase(std::remove_if(deleted.begin(), deleted.end(),
                               [&](const std::string& name) {
                                 return !Wanted(kinds, KindOf(std::string_view(name)));
                               }),
                deleted.end());
  if (!Wanted(kinds, v1::RESOURCE_KIND_BACKEND)) delta->clear_backend_order();
}

void KeepKinds(const google::protobuf::RepeatedField<int>& kinds, v1::Config* config) {
  if (kinds.empty()) return;
  if (!Wanted(kinds, v1::RESOURCE_KIND_BACKEND)) config->clear_backends();
  if (!Wanted(kinds, v1::RESOURCE_KIND_ROUTING_POLICY)) config->clear_routing_policies();
  if (!Wanted(kinds, v1::RESOURCE_KIND_CALLBACK)) config->clear_callbacks();
  if (!Wanted(kinds, v1::RESOURCE_KIND_MODEL_ALIAS)) config->clear_model_aliases();
  if (!Wanted(kinds, v1::RESOURCE_KIND_LIMITS)) config->clear_limits();
}

ConfigDeltas::Delta ConfigDeltas::Between(const control::ConfigPtr& from,
                                          const control::ConfigPtr& to) {
  for (const Made& made : made_) {
    if (made.from == from && made.to == to) return made.delta;
  }
  auto delta = std::make_shared<const v1::ConfigDelta>(DeltaBetween(*from, *to));
  made_.push_front({from, to, delta});
  if (made_.size() > kKept) made_.pop_back();
  return delta;
}

}  // namespace vllm_router::admin
