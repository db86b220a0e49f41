// Remote callbacks: their registrations, leases and trial calls.
#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/admin/pages.h"
#include "server/admin/service.h"
#include "server/base/strings.h"
#include "server/config/fields.h"
#include "server/config/names.h"

namespace vllm_router::admin {
namespace {

auto TakeCallback(const std::string& name, v1::Callback* callback) {
  return [name, callback](const control::Applied& applied) {
    const auto* after = FindNamed(applied.draft->callbacks(), name);
    if (after != nullptr) *callback = Shown(*after, *applied.view);
  };
}

// As they run: see callbacks::Chain.
std::vector<const v1::Callback*> InOrder(
    const google::protobuf::RepeatedPtrField<v1::Callback>& callbacks) {
  std::vector<const v1::Callback*> ordered;
  for (const v1::Callback& callback : callbacks) ordered.push_back(&callback);
  std::sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) {
    return std::forward_as_tuple(a->order(), a->name()) <
           std::forward_as_tuple(b->order(), b->name());
  });
  return ordered;
}

}  // namespace

void Service::DoListCallbacks(const CallPtr& call, const v1::ListCallbacksRequest& request,
                              v1::ListCallbacksResponse* response) {
  const Pages pages(tokens_, "callbacks", "");
  auto page = pages.Open(request.page_size(), request.page_token());
  if (!page.ok()) return call->Refuse(std::move(page).failure());
  const control::ViewPtr now = view();
  response->set_next_page_token(
      CutPage(pages, *page, InOrder(now->config->callbacks()),
              [&](const auto* callback) { *response->add_callbacks() = Shown(*callback, *now); }));
  response->set_generation(now->config->generation());
  call->Answer();
}

void Service::DoGetCallback(const CallPtr& call, const v1::GetCallbackRequest& request,
                            v1::GetCallbackResponse* response) {
  const control::ViewPtr now = view();
  const v1::Callback* callback = FindNamed(now->config->callbacks(), request.name());
  if (callback == nullptr) return call->Refuse(base::CallbackNotFound(request.name()));
  *response->mutable_callback() = Shown(*callback, *now);
  call->Answer();
}

void Service::DoRegisterCallback(const CallPtr& call, const v1::RegisterCallbackRequest& request,
                                 v1::RegisterCallbackResponse* response) {
  if (request.callback_id().empty()) {
    return call->Refuse(base::InvalidField("callback_id", "has to be set"));
  }
  const std::string name = absl::StrFormat("%s%s", config::kCallbacks, request.callback_id());
  call->About(name);
  OneChange change{.mutation = {}, .expect = config::Expect::kNew, .field = "callback"};
  v1::Callback& wanted = *change.mutation.mutable_upsert_callback();
  wanted = request.callback();
  if (!wanted.name().empty() && wanted.name() != name) {
    return call->Refuse(base::InvalidField(
        "callback.name", absl::StrFormat("'%s' is not %s: leave it empty, and set callback_id",
                                         base::Printable(wanted.name()), base::Printable(name))));
  }
  wanted.set_name(name);
  Change(call, std::move(change), response->mutable_change(),
         [this, name, response](const control::Applied& applied) {
           TakeCallback(name, response->mutable_callback())(applied);
           if (!applied.result.validate_only()) response->set_lease_id(control_.LeaseOf(name));
         });
}

void Service::DoRenewCallbackLease(const CallPtr& call,
                                   const v1::RenewCallbackLeaseRequest& request,
                                   v1::RenewCallbackLeaseResponse* response) {
  call->About(request.name());
  control_.RenewLease(request.name(), request.lease_id(),
                      [call, response](const base::Outcome<google::protobuf::Timestamp>& end) {
                        if (!end.ok()) return call->Refuse(end.failure());
                        *response->mutable_lease_expire_time() = *end;
                        call->Answer();
                      });
}

void Service::DoUpdateCallback(const CallPtr& call, const v1::UpdateCallbackRequest& request,
                               v1::UpdateCallbackResponse* response) {
  const v1::Callback& wanted = request.callback();
  call->About(wanted.name());
  OneChange change{.mutation = {}, .expect = config::Expect::kExisting, .field = "callback"};
  *change.mutation.mutable_upsert_callback() = wanted;
  *change.mutation.mutable_update_mask() = request.update_mask().paths().empty()
                                               ? config::MaskOfSetFields(wanted)
                                               : request.update_mask();
  Change(call, std::move(change), response->mutable_change(),
         TakeCallback(wanted.name(), response->mutable_callback()));
}

void Service::DoDeregisterCallback(const CallPtr& call,
                                   const v1::DeregisterCallbackRequest& request,
                                   v1::DeregisterCallbackResponse* response) {
  call->About(request.deletion().name());
  OneChange change{.mutation = {}, .field = "deletion"};
  *change.mutation.mutable_delete_callback() = request.deletion();
  Change(call, std::move(change), response->mutable_change(), {});
}

void Service::DoTestCallback(const CallPtr& call, const v1::TestCallbackRequest& request,
                             v1::TestCallbackResponse* response) {
  call->About(request.name());
  const control::ViewPtr now = view();
  const v1::Callback* callback = FindNamed(now->config->callbacks(), request.name());
  if (callback == nullptr) return call->Refuse(base::CallbackNotFound(request.name()));
  process_.test_callback(*callback, request, [call, response](v1::TestCallbackResponse tested) {
    *response = std::move(tested);
    call->Answer();
  });
}

}  // namespace vllm_router::admin
