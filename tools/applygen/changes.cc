#include "tools/applygen/changes.h"

#include <array>

#include "absl/strings/str_format.h"

namespace vllm_router::applygen {
namespace {

constexpr std::string_view kFleetModel = "fleet";

enum class Kind : uint8_t {
  kAdd,
  kSession,
  kRelabel,
  kFleetAdd,
  kDrain,
  kAlias,
  kUndrain,
  kRoundRobin,
  kLimits,
  kRemove,
  kFleetRemove,
};
// In this order, again and again. What needs an engine comes between its add and its remove.
constexpr std::array<std::string_view, 11> kNames = {
    "add",     "session",     "relabel", "fleet_add", "drain",       "alias",
    "undrain", "round_robin", "limits",  "remove",    "fleet_remove"};

bool NeedsEngine(Kind kind) {
  return kind == Kind::kAdd || kind == Kind::kRelabel || kind == Kind::kDrain ||
         kind == Kind::kUndrain || kind == Kind::kRemove;
}

void AddModel(std::string_view model, v1::Backend* backend) {
  backend->add_models()->set_model(std::string(model));
}

void SetFleetBackend(uint64_t number, v1::Backend* backend) {
  backend->set_name(absl::StrFormat("backends/fleet-%d", number));
  // Loopback, where nothing listens: names would have to be looked up.
  backend->set_url(absl::StrFormat("http://127.%d.%d.%d:9", 1 + number / 62500, number / 250 % 250,
                                   1 + number % 250));
  AddModel(kFleetModel, backend);
}

}  // namespace

v1::ApplyConfigRequest Changes::Fleet(uint64_t count) {
  v1::ApplyConfigRequest request;
  for (uint64_t i = 0; i < count; ++i) {
    SetFleetBackend(i, request.add_mutations()->mutable_upsert_backend());
  }
  return request;
}

Change Changes::Next() {
  uint64_t turn = step_ / kNames.size();
  auto kind = static_cast<Kind>(step_ % kNames.size());
  while (urls_.empty() && NeedsEngine(kind)) {
    ++step_;
    turn = step_ / kNames.size();
    kind = static_cast<Kind>(step_ % kNames.size());
  }
  ++step_;
  const uint64_t engine = urls_.empty() ? 0 : turn % urls_.size();
  const std::string name = absl::StrFormat("backends/live-%d", engine);
  // Beyond any fleet that was loaded.
  const uint64_t fleet_member = 1'000'000 + turn;

  Change change{kNames.at(static_cast<size_t>(kind)), {}};
  v1::ConfigMutation& mutation = *change.request.add_mutations();
  switch (kind) {
    case Kind::kAdd: {
      v1::Backend& backend = *mutation.mutable_upsert_backend();
      backend.set_name(name);
      backend.set_url(urls_[engine]);
      AddModel(model_, &backend);
      break;
    }
    case Kind::kRelabel:
      mutation.mutable_upsert_backend()->set_name(name);
      mutation.mutable_upsert_backend()->set_label(absl::StrFormat("turn-%d", turn));
      mutation.mutable_upsert_backend()->set_weight(static_cast<uint32_t>(2 + turn % 900));
      mutation.mutable_update_mask()->add_paths("label");
      mutation.mutable_update_mask()->add_paths("weight");
      break;
    case Kind::kDrain:
    case Kind::kUndrain:
      mutation.mutable_upsert_backend()->set_name(name);
      mutation.mutable_upsert_backend()->set_admin_state(
          kind == Kind::kDrain ? v1::ADMIN_STATE_DRAINING : v1::ADMIN_STATE_ACTIVE);
      mutation.mutable_update_mask()->add_paths("admin_state");
      break;
    case Kind::kRemove:
      mutation.mutable_delete_backend()->set_name(name);
      break;
    case Kind::kSession:
    case Kind::kRoundRobin: {
      v1::RoutingPolicy& policy = *mutation.mutable_upsert_routing_policy();
      policy.set_name("routing");
      policy.set_session_key("x-user-id");
      if (kind == Kind::kSession) {
        policy.mutable_session();
      } else {
        policy.mutable_round_robin();
      }
      break;
    }
    case Kind::kAlias: {
      v1::ModelAlias& alias = *mutation.mutable_upsert_model_alias();
      alias.set_name("aliases/canary");
      v1::WeightedModel& usual = *alias.add_targets();
      usual.set_model(model_);
      usual.set_weight(static_cast<uint32_t>(100 + turn % 800));
      alias.add_targets()->set_model(std::string(kFleetModel));
      break;
    }
    case Kind::kLimits:
      mutation.mutable_update_limits()->set_max_headers(static_cast<uint32_t>(100 + turn % 50));
      mutation.mutable_update_mask()->add_paths("max_headers");
      break;
    case Kind::kFleetAdd:
      SetFleetBackend(fleet_member, mutation.mutable_upsert_backend());
      break;
    case Kind::kFleetRemove:
      mutation.mutable_delete_backend()->set_name(
          absl::StrFormat("backends/fleet-%d", fleet_member));
      mutation.mutable_delete_backend()->set_force(true);
      break;
  }
  return change;
}

}  // namespace vllm_router::applygen
