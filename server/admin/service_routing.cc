// Routing policies, model aliases, and where a request would go.
#include <utility>

#include "absl/strings/str_format.h"
#include "server/admin/pages.h"
#include "server/admin/service.h"
#include "server/base/strings.h"
#include "server/config/defaults.h"
#include "server/config/fields.h"
#include "server/config/names.h"
#include "server/config/whole.h"

namespace vllm_router::admin {

void Service::DoListRoutingPolicies(const CallPtr& call,
                                    const v1::ListRoutingPoliciesRequest& request,
                                    v1::ListRoutingPoliciesResponse* response) {
  const Pages pages(tokens_, "routing", "");
  auto page = pages.Open(request.page_size(), request.page_token());
  if (!page.ok()) return call->Refuse(std::move(page).failure());
  const control::ViewPtr now = view();
  response->set_next_page_token(
      CutPage(pages, *page, now->config->routing_policies(),
              [&](const auto& policy) { *response->add_routing_policies() = policy; }));
  response->set_generation(now->config->generation());
  call->Answer();
}

void Service::DoGetRoutingPolicy(const CallPtr& call, const v1::GetRoutingPolicyRequest& request,
                                 v1::GetRoutingPolicyResponse* response) {
  const control::ViewPtr now = view();
  const v1::Config& config = *now->config;
  const auto model = config::IdIn(config::kRoutingOfModel, request.name());
  const bool is_name = request.name() == config::kRouting || (model && !model->empty());
  if (request.effective() && is_name) {
    v1::RoutingPolicy& policy = *response->mutable_routing_policy();
    policy = config::WithDefaults(config::EffectivePolicy(config, model.value_or("")));
    policy.set_name(request.name());
    return call->Answer();
  }
  const v1::RoutingPolicy* policy = FindNamed(config.routing_policies(), request.name());
  if (policy == nullptr) return call->Refuse(base::PolicyNotFound(request.name()));
  *response->mutable_routing_policy() = *policy;
  call->Answer();
}

void Service::DoSetRoutingPolicy(const CallPtr& call, const v1::SetRoutingPolicyRequest& request,
                                 v1::SetRoutingPolicyResponse* response) {
  const v1::RoutingPolicy& wanted = request.routing_policy();
  call->About(wanted.name());
  OneChange change{.mutation = {}, .field = "routing_policy"};
  *change.mutation.mutable_upsert_routing_policy() = wanted;
  *change.mutation.mutable_update_mask() = request.update_mask().paths().empty()
                                               ? config::MaskOfSetFields(wanted)
                                               : request.update_mask();
  Change(call, std::move(change), response->mutable_change(),
         [name = wanted.name(), response](const control::Applied& applied) {
           const auto* after = FindNamed(applied.draft->routing_policies(), name);
           if (after != nullptr) *response->mutable_routing_policy() = *after;
         });
}

void Service::DoDeleteRoutingPolicy(const CallPtr& call,
                                    const v1::DeleteRoutingPolicyRequest& request,
                                    v1::DeleteRoutingPolicyResponse* response) {
  call->About(request.deletion().name());
  OneChange change{.mutation = {}, .field = "deletion"};
  *change.mutation.mutable_delete_routing_policy() = request.deletion();
  Change(call, std::move(change), response->mutable_change(), {});
}

void Service::DoExplainRoute(const CallPtr& call, const v1::ExplainRouteRequest& request,
                             v1::ExplainRouteResponse* response) {
  constexpr size_t kMaxBody = 512u << 10;
  if (request.input().body().size() > kMaxBody) {
    return call->Refuse(base::InvalidField(
        "input.body",
        absl::StrFormat("has %d bytes: %d are allowed", request.input().body().size(), kMaxBody)));
  }
  process_.explain(request, view(),
                   [call, response](base::Outcome<v1::ExplainRouteResponse> explained) {
                     if (!explained.ok()) return call->Refuse(std::move(explained).failure());
                     *response = *std::move(explained);
                     call->Answer();
                   });
}

// --- aliases ---

void Service::DoListModelAliases(const CallPtr& call, const v1::ListModelAliasesRequest& request,
                                 v1::ListModelAliasesResponse* response) {
  const Pages pages(tokens_, "aliases", "");
  auto page = pages.Open(request.page_size(), request.page_token());
  if (!page.ok()) return call->Refuse(std::move(page).failure());
  const control::ViewPtr now = view();
  response->set_next_page_token(
      CutPage(pages, *page, now->config->model_aliases(),
              [&](const auto& alias) { *response->add_model_aliases() = alias; }));
  response->set_generation(now->config->generation());
  call->Answer();
}

void Service::DoGetModelAlias(const CallPtr& call, const v1::GetModelAliasRequest& request,
                              v1::GetModelAliasResponse* response) {
  const control::ViewPtr now = view();
  const v1::ModelAlias* alias = FindNamed(now->config->model_aliases(), request.name());
  if (alias == nullptr) return call->Refuse(base::AliasNotFound(request.name()));
  *response->mutable_model_alias() = *alias;
  call->Answer();
}

namespace {

auto TakeAlias(const std::string& name, v1::ModelAlias* alias) {
  return [name, alias](const control::Applied& applied) {
    const auto* after = FindNamed(applied.draft->model_aliases(), name);
    if (after != nullptr) *alias = *after;
  };
}

}  // namespace

void Service::DoCreateModelAlias(const CallPtr& call, const v1::CreateModelAliasRequest& request,
                                 v1::CreateModelAliasResponse* response) {
  call->About(request.model_alias().name());
  OneChange change{.mutation = {}, .expect = config::Expect::kNew, .field = "model_alias"};
  *change.mutation.mutable_upsert_model_alias() = request.model_alias();
  Change(call, std::move(change), response->mutable_change(),
         TakeAlias(request.model_alias().name(), response->mutable_model_alias()));
}

void Service::DoUpdateModelAlias(const CallPtr& call, const v1::UpdateModelAliasRequest& request,
                                 v1::UpdateModelAliasResponse* response) {
  const v1::ModelAlias& wanted = request.model_alias();
  call->About(wanted.name());
  OneChange change{
      .mutation = {},
      .expect = request.allow_missing() ? config::Expect::kAny : config::Expect::kExisting,
      .field = "model_alias"};
  *change.mutation.mutable_upsert_model_alias() = wanted;
  *change.mutation.mutable_update_mask() = request.update_mask().paths().empty()
                                               ? config::MaskOfSetFields(wanted)
                                               : request.update_mask();
  Change(call, std::move(change), response->mutable_change(),
         TakeAlias(wanted.name(), response->mutable_model_alias()));
}

void Service::DoDeleteModelAlias(const CallPtr& call, const v1::DeleteModelAliasRequest& request,
                                 v1::DeleteModelAliasResponse* response) {
  call->About(request.deletion().name());
  OneChange change{.mutation = {}, .field = "deletion"};
  *change.mutation.mutable_delete_model_alias() = request.deletion();
  Change(call, std::move(change), response->mutable_change(), {});
}

}  // namespace vllm_router::admin
