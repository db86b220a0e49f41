// Backends.
#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/admin/pages.h"
#include "server/admin/service.h"
#include "server/base/strings.h"
#include "server/config/fields.h"
#include "server/config/names.h"
#include "server/control/compile.h"

namespace vllm_router::admin {
namespace {

constexpr base::Duration kMinProbe = std::chrono::milliseconds(100);
constexpr base::Duration kMaxProbe = std::chrono::seconds(60);

template <typename List, typename Value>
bool Has(const List& list, const Value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Serves the model itself, under an alias of its own, or is behind an alias of that name.
bool Serves(const v1::Backend& backend, const std::string& model, const v1::Config& config) {
  const auto serves = [&](const std::string& name) {
    return std::any_of(backend.models().begin(), backend.models().end(),
                       [&](const auto& m) { return m.model() == name || m.alias() == name; });
  };
  const auto* alias =
      FindNamed(config.model_aliases(), absl::StrFormat("%s%s", config::kAliases, model));
  if (alias == nullptr) return serves(model);
  return std::any_of(alias->targets().begin(), alias->targets().end(),
                     [&](const auto& target) { return serves(target.model()); });
}

// As before the field was there: not set is what it stands for.
v1::AdminState StateOf(const v1::Backend& backend) {
  return backend.admin_state() == v1::ADMIN_STATE_UNSPECIFIED ? v1::ADMIN_STATE_ACTIVE
                                                              : backend.admin_state();
}

bool Matches(const v1::ListBackendsRequest& filter, const v1::Backend& backend,
             const v1::Config& config) {
  return (filter.model().empty() || Serves(backend, filter.model(), config)) &&
         (filter.sources().empty() || Has(filter.sources(), backend.source())) &&
         (filter.admin_states().empty() || Has(filter.admin_states(), StateOf(backend))) &&
         (filter.health_states().empty() || Has(filter.health_states(), backend.status().health()));
}

// What has to be the same on every page.
std::string FilterOf(v1::ListBackendsRequest request) {
  request.clear_page_size();
  request.clear_page_token();
  return request.SerializeAsString();
}

}  // namespace

void Service::DoListBackends(const CallPtr& call, const v1::ListBackendsRequest& request,
                             v1::ListBackendsResponse* response) {
  const Pages pages(tokens_, "backends", FilterOf(request));
  auto page = pages.Open(request.page_size(), request.page_token());
  if (!page.ok()) return call->Refuse(std::move(page).failure());
  const control::ViewPtr now = view();
  v1::Config config = Shown(*now, moment());
  std::vector<v1::Backend*> matching;
  for (v1::Backend& backend : *config.mutable_backends()) {
    if (Matches(request, backend, *now->config)) matching.push_back(&backend);
  }
  response->set_next_page_token(CutPage(pages, *page, matching, [&](v1::Backend* backend) {
    *response->add_backends() = std::move(*backend);
  }));
  response->set_generation(config.generation());
  call->Answer();
}

void Service::DoGetBackend(const CallPtr& call, const v1::GetBackendRequest& request,
                           v1::GetBackendResponse* response) {
  const control::ViewPtr now = view();
  const v1::Backend* backend = FindNamed(now->config->backends(), request.name());
  if (backend == nullptr) return call->Refuse(base::BackendNotFound(request.name()));
  *response->mutable_backend() = Shown(*backend, *now, moment());
  call->Answer();
}

void Service::TakeBackend(const control::Applied& applied, const std::string& name,
                          v1::Backend* backend) {
  const v1::Backend* after = FindNamed(applied.draft->backends(), name);
  if (after != nullptr) *backend = Shown(*after, *applied.view, moment());
}

void Service::DoCreateBackend(const CallPtr& call, const v1::CreateBackendRequest& request,
                              v1::CreateBackendResponse* response) {
  OneChange change{.mutation = {}, .expect = config::Expect::kNew, .field = "backend"};
  v1::Backend& wanted = *change.mutation.mutable_upsert_backend();
  wanted = request.backend();
  const std::string name = request.backend_id().empty()
                               ? config::BackendNameFor(wanted.url())
                               : absl::StrFormat("%s%s", config::kBackends, request.backend_id());
  call->About(name);
  if (!wanted.name().empty() && wanted.name() != name) {
    return call->Refuse(base::InvalidField(
        "backend.name", absl::StrFormat("'%s' is not %s: leave it empty, and set backend_id",
                                        base::Printable(wanted.name()), base::Printable(name))));
  }
  wanted.set_name(name);
  Change(call, std::move(change), response->mutable_change(),
         [this, name, response](const control::Applied& applied) {
           TakeBackend(applied, name, response->mutable_backend());
         });
}

void Service::DoUpdateBackend(const CallPtr& call, const v1::UpdateBackendRequest& request,
                              v1::UpdateBackendResponse* response) {
  call->About(request.backend().name());
  OneChange change{
      .mutation = {},
      .expect = request.allow_missing() ? config::Expect::kAny : config::Expect::kExisting,
      .field = "backend"};
  *change.mutation.mutable_upsert_backend() = request.backend();
  *change.mutation.mutable_update_mask() = request.update_mask().paths().empty()
                                               ? config::MaskOfSetFields(request.backend())
                                               : request.update_mask();
  Change(call, std::move(change), response->mutable_change(),
         [this, name = request.backend().name(), response](const control::Applied& applied) {
           TakeBackend(applied, name, response->mutable_backend());
         });
}

void Service::DoDeleteBackend(const CallPtr& call, const v1::DeleteBackendRequest& request,
                              v1::DeleteBackendResponse* response) {
  call->About(request.deletion().name());
  OneChange change{.mutation = {}, .field = "deletion"};
  *change.mutation.mutable_delete_backend() = request.deletion();
  Change(call, std::move(change), response->mutable_change(),
         [this, name = request.deletion().name(), response](const control::Applied& applied) {
           if (FindNamed(applied.draft->backends(), name) == nullptr) return;
           TakeBackend(applied, name, response->mutable_backend());
         });
}

void Service::AnswerWithBackend(const CallPtr& call, const std::string& name,
                                std::function<void(config::Draft&)> edit, v1::ChangeResult* result,
                                v1::Backend* backend) {
  call->About(name);
  Submit(call, std::move(edit), result, [this, name, backend](const control::Applied& applied) {
    TakeBackend(applied, name, backend);
  });
}

void Service::DoDrainBackend(const CallPtr& call, const v1::DrainBackendRequest& request,
                             v1::DrainBackendResponse* response) {
  v1::DrainOptions options;
  if (request.has_deadline()) *options.mutable_deadline() = request.deadline();
  options.set_on_deadline(request.on_deadline());
  AnswerWithBackend(
      call, request.name(),
      [name = request.name(), etag = request.etag(), options](config::Draft& draft) {
        draft.DrainBackend(name, etag, options);
      },
      response->mutable_change(), response->mutable_backend());
}

void Service::DoUndrainBackend(const CallPtr& call, const v1::UndrainBackendRequest& request,
                               v1::UndrainBackendResponse* response) {
  AnswerWithBackend(
      call, request.name(),
      [name = request.name(), etag = request.etag()](config::Draft& draft) {
        draft.UndrainBackend(name, etag);
      },
      response->mutable_change(), response->mutable_backend());
}

void Service::DoProbeBackend(const CallPtr& call, const v1::ProbeBackendRequest& request,
                             v1::ProbeBackendResponse* response) {
  call->About(request.name());
  std::optional<base::Duration> timeout;
  if (request.has_timeout()) {
    timeout = control::ToDuration(request.timeout());
    if (*timeout < kMinProbe || *timeout > kMaxProbe) {
      return call->Refuse(base::InvalidField(
          "timeout",
          absl::StrFormat("%g s is not allowed: 0.1 s to 60 s", base::ToSeconds(*timeout))));
    }
  }
  const control::ViewPtr now = view();
  const v1::Backend* backend = FindNamed(now->config->backends(), request.name());
  if (backend == nullptr) return call->Refuse(base::BackendNotFound(request.name()));
  process_.probe(*backend, timeout, [call, response](v1::ProbeBackendResponse probed) {
    *response = std::move(probed);
    call->Answer();
  });
}

}  // namespace vllm_router::admin
