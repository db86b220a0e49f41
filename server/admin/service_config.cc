// The configuration as a whole.
#include <google/protobuf/util/time_util.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "server/admin/pages.h"
#include "server/admin/service.h"
#include "server/base/strings.h"
#include "server/config/diff.h"
#include "server/config/names.h"
#include "server/control/compile.h"
#include "server/control/revisions.h"
#include "server/control/stored_state.h"

namespace vllm_router::admin {
namespace {

constexpr std::string_view kRevisions = "revisions/";
constexpr base::Duration kMinConfirm = std::chrono::seconds(1);
constexpr base::Duration kMaxConfirm = std::chrono::hours(24);

// The time in which a change has to be confirmed; not set when it need not be.
template <typename Request>
base::Outcome<std::optional<base::Duration>> ConfirmWithin(const Request& request) {
  if (!request.has_confirm_within()) return std::optional<base::Duration>();
  const base::Duration time = control::ToDuration(request.confirm_within());
  if (time < kMinConfirm || time > kMaxConfirm) {
    return base::InvalidField(
        "confirm_within",
        absl::StrFormat("%g s is not allowed: 1 s to 86400 s", base::ToSeconds(time)));
  }
  return std::optional<base::Duration>(time);
}

// The resource that a mutation made, or an empty entry for one that it took away.
v1::ConfigResource ResourceAfter(const v1::ConfigMutation& mutation,
                                 const control::Applied& applied, const Moment& moment) {
  const v1::Config& config = *applied.draft;
  v1::ConfigResource after;
  switch (mutation.mutation_case()) {
    case v1::ConfigMutation::kUpsertBackend: {
      const v1::Backend& wanted = mutation.upsert_backend();
      const std::string name =
          wanted.name().empty() ? config::BackendNameFor(wanted.url()) : wanted.name();
      if (const auto* found = FindNamed(config.backends(), name)) {
        *after.mutable_backend() = Shown(*found, *applied.view, moment);
      }
      break;
    }
    case v1::ConfigMutation::kUpsertRoutingPolicy:
      if (const auto* found =
              FindNamed(config.routing_policies(), mutation.upsert_routing_policy().name())) {
        *after.mutable_routing_policy() = *found;
      }
      break;
    case v1::ConfigMutation::kUpsertCallback:
      if (const auto* found = FindNamed(config.callbacks(), mutation.upsert_callback().name())) {
        *after.mutable_callback() = Shown(*found, *applied.view);
      }
      break;
    case v1::ConfigMutation::kUpsertModelAlias:
      if (const auto* found =
              FindNamed(config.model_aliases(), mutation.upsert_model_alias().name())) {
        *after.mutable_model_alias() = *found;
      }
      break;
    case v1::ConfigMutation::kUpdateLimits:
      *after.mutable_limits() = config.limits();
      break;
    default:
      break;
  }
  return after;
}

}  // namespace

void Service::DoGetConfig(const CallPtr& call, const v1::GetConfigRequest& /*request*/,
                          v1::GetConfigResponse* response) {
  const control::ViewPtr now = view();
  *response->mutable_config() = Shown(*now, moment());
  if (now->pending) *response->mutable_pending_commit() = *now->pending;
  call->Answer();
}

void Service::DoApplyConfig(const CallPtr& call, const v1::ApplyConfigRequest& request,
                            v1::ApplyConfigResponse* response) {
  auto confirm_within = ConfirmWithin(request);
  if (!confirm_within.ok()) return call->Refuse(std::move(confirm_within).failure());
  control::Command command =
      CommandOf(call, [&request](config::Draft& draft) { draft.ApplyAll(request.mutations()); });
  command.base_generation = request.base_generation();
  command.confirm_within = *confirm_within;
  control_.Submit(std::move(command),
                  [this, call, &request, response](const base::Outcome<control::Applied>& applied) {
                    if (!applied.ok()) return call->Refuse(applied.failure());
                    *response->mutable_change() = applied->result;
                    for (const v1::ConfigMutation& mutation : request.mutations()) {
                      if (mutation.has_replace_config()) continue;
                      *response->add_resources() = ResourceAfter(mutation, *applied, moment());
                    }
                    call->Changed(applied->result);
                    call->Answer();
                  });
}

void Service::DoListRevisions(const CallPtr& call, const v1::ListRevisionsRequest& request,
                              v1::ListRevisionsResponse* response) {
  // A position is the generation that the page before ended with, not an index.
  const Pages pages(tokens_, "revisions", "");
  auto page = pages.Open(request.page_size(), request.page_token());
  if (!page.ok()) return call->Refuse(std::move(page).failure());
  control_.store().List(
      page->begin, page->size + 1,
      [call, pages, size = page->size,
       response](absl::StatusOr<std::vector<store::Revision>> kept) {
        if (!kept.ok()) {
          return call->Refuse(base::StateStoreFailed(base::StdView(kept.status().message())));
        }
        for (size_t i = 0; i < kept->size() && i < size; ++i) {
          absl::StatusOr<v1::Revision> meta = control::MetaFromStored((*kept)[i]);
          if (!meta.ok()) {
            return call->Refuse(base::StateStoreFailed(base::StdView(meta.status().message())));
          }
          *response->add_revisions() = *std::move(meta);
        }
        if (kept->size() > size) {
          response->set_next_page_token(pages.TokenAt((*kept)[size - 1].generation));
        }
        call->Answer();
      });
}

void Service::DoGetRevision(const CallPtr& call, const v1::GetRevisionRequest& request,
                            v1::GetRevisionResponse* response) {
  const auto id = config::IdIn(kRevisions, request.name());
  const auto generation = id ? base::ParseUint(*id) : std::nullopt;
  if (!generation) {
    return call->Refuse(base::InvalidField(
        "name", absl::StrFormat("'%s' is no name of a revision: revisions/{generation}",
                                base::Printable(request.name()))));
  }
  control::ReadRevision(control_.store(), *generation,
                        [call, response](base::Outcome<v1::Revision> revision) {
                          if (!revision.ok()) return call->Refuse(std::move(revision).failure());
                          *response->mutable_revision() = *std::move(revision);
                          call->Answer();
                        });
}

void Service::DoRollback(const CallPtr& call, const v1::RollbackRequest& request,
                         v1::RollbackResponse* response) {
  auto confirm_within = ConfirmWithin(request);
  if (!confirm_within.ok()) return call->Refuse(std::move(confirm_within).failure());
  if (request.to_generation() == 0) {
    return call->Refuse(base::InvalidField("to_generation", "has to be set"));
  }
  control::Command command = CommandOf(call, {});
  command.base_generation = request.base_generation();
  command.confirm_within = *confirm_within;
  control_.Rollback(request.to_generation(), std::move(command),
                    [call, response](const base::Outcome<control::Applied>& applied) {
                      if (!applied.ok()) return call->Refuse(applied.failure());
                      *response->mutable_change() = applied->result;
                      call->Changed(applied->result);
                      call->Answer();
                    });
}

void Service::DoConfirmCommit(const CallPtr& call, const v1::ConfirmCommitRequest& request,
                              v1::ConfirmCommitResponse* response) {
  control_.ConfirmCommit(request.commit_id(),
                         [call, response](const base::Outcome<control::Applied>& applied) {
                           if (!applied.ok()) return call->Refuse(applied.failure());
                           response->set_generation(applied->result.generation());
                           call->Changed(applied->result);
                           call->Answer();
                         });
}

void Service::DoCancelCommit(const CallPtr& call, const v1::CancelCommitRequest& request,
                             v1::CancelCommitResponse* response) {
  control_.CancelCommit(request.commit_id(),
                        {.actor = call->caller().actor, .reason = call->reason()},
                        [call, response](const base::Outcome<control::Applied>& applied) {
                          if (!applied.ok()) return call->Refuse(applied.failure());
                          *response->mutable_change() = applied->result;
                          call->Changed(applied->result);
                          call->Answer();
                        });
}

}  // namespace vllm_router::admin
