// The C++ of docs/admin-api.md as one program.
//
//   admin_api ADDRESS URL
//
// ADDRESS is the router's admin address, URL an engine of model `llama` that the router does not
// know yet. Changes the router; at the end it is as before, except for its generation.
#include <google/protobuf/util/time_util.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "vllm_router/client.h"

namespace v1 = vllm_router::v1;
using google::protobuf::util::TimeUtil;
using vllm_router::Client;

namespace {

// Ends the program with the status of what failed.
template <typename Response>
Response Must(absl::StatusOr<Response> response) {
  if (response.ok()) return *std::move(response);
  std::cerr << vllm_router::FailedRpc(response.status()) << ": " << response.status() << '\n';
  for (const vllm_router::FieldViolation& violation : vllm_router::Violations(response.status())) {
    std::cerr << "  " << violation.field << ": " << violation.description << '\n';
  }
  std::exit(1);
}

void Look(const Client& router) {
  const v1::GetConfigResponse answer = Must(router.GetConfig({}));
  std::cout << "generation " << answer.config().generation() << '\n';
  for (const v1::Backend& backend : answer.config().backends()) {
    std::cout << backend.name() << ' ' << backend.url() << '\n';
  }
}

void Backends(const Client& router, const std::string& url) {
  v1::CreateBackendRequest create;
  create.set_backend_id("gpu3");
  create.mutable_backend()->set_url(url);
  create.mutable_backend()->add_models()->set_model("llama");
  create.set_reason("new machine");
  const v1::CreateBackendResponse created = Must(router.CreateBackend(create));
  std::cout << "in effect, generation " << created.change().generation() << '\n';

  v1::UpdateBackendRequest update;
  update.mutable_backend()->set_name("backends/gpu3");
  update.mutable_backend()->set_label("fast");
  Must(router.UpdateBackend(update));

  v1::DrainBackendRequest drain;
  drain.set_name("backends/gpu3");
  *drain.mutable_deadline() = TimeUtil::MinutesToDuration(10);
  drain.set_on_deadline(v1::ON_DRAIN_DEADLINE_ABORT);
  Must(router.DrainBackend(drain));

  v1::UndrainBackendRequest undrain;
  undrain.set_name("backends/gpu3");
  Must(router.UndrainBackend(undrain));
}

void Removal(const Client& router) {
  v1::DeleteBackendRequest remove;
  remove.mutable_deletion()->set_name("backends/gpu3");
  v1::DrainOptions* drain = remove.mutable_deletion()->mutable_drain();
  *drain->mutable_deadline() = TimeUtil::MinutesToDuration(5);
  drain->set_on_deadline(v1::ON_DRAIN_DEADLINE_ABORT);
  Must(router.DeleteBackend(remove));
}

void Logic(const Client& router) {
  v1::SetRoutingPolicyRequest set;
  set.mutable_routing_policy()->set_name("routing");
  set.mutable_routing_policy()->mutable_session();
  set.mutable_routing_policy()->set_session_key("x-user-id");
  Must(router.SetRoutingPolicy(set));
}

void AddTarget(v1::ModelAlias* alias, const std::string& model, uint32_t weight) {
  v1::WeightedModel* target = alias->add_targets();
  target->set_model(model);
  target->set_weight(weight);
}

void Canary(const Client& router) {
  v1::CreateModelAliasRequest create;
  create.mutable_model_alias()->set_name("aliases/chat");
  AddTarget(create.mutable_model_alias(), "llama", 95);
  AddTarget(create.mutable_model_alias(), "llama-next", 5);
  Must(router.CreateModelAlias(create));
}

void Several(const Client& router) {
  v1::ApplyConfigRequest apply;
  v1::ModelAlias* alias = apply.add_mutations()->mutable_upsert_model_alias();
  alias->set_name("aliases/chat");
  AddTarget(alias, "llama", 50);
  AddTarget(alias, "llama-next", 50);
  v1::ConfigMutation* limits = apply.add_mutations();
  limits->mutable_update_limits()->set_max_concurrent_requests(2000);
  limits->mutable_update_mask()->add_paths("max_concurrent_requests");

  apply.set_validate_only(true);
  const v1::ApplyConfigResponse trial = Must(router.ApplyConfig(apply));
  for (const v1::ResourceDiff& resource : trial.change().diff().resources()) {
    std::cout << resource.name() << ": " << resource.fields_size() << " fields\n";
  }
  apply.set_validate_only(false);
  // Refused when somebody has changed something since the trial.
  apply.set_base_generation(trial.change().base_generation());
  Must(router.ApplyConfig(apply));
}

void Locking(const Client& router) {
  v1::GetModelAliasRequest get;
  get.set_name("aliases/chat");
  v1::UpdateModelAliasRequest update;
  *update.mutable_model_alias() = Must(router.GetModelAlias(get)).model_alias();
  update.mutable_model_alias()->mutable_targets(0)->set_weight(60);
  Must(router.UpdateModelAlias(update));                               // its etag goes along
  const absl::Status lost = router.UpdateModelAlias(update).status();  // ... and is stale by now
  if (vllm_router::ErrorReason(lost) == "ETAG_MISMATCH") {
    std::cout << "newer: " << vllm_router::ErrorMetadata(lost)["etag"] << '\n';
  }
}

void Confirmed(const Client& router) {
  v1::ApplyConfigRequest apply;
  v1::ConfigMutation* mutation = apply.add_mutations();
  mutation->mutable_upsert_backend()->set_name("backends/gpu3");
  mutation->mutable_upsert_backend()->set_weight(2);
  mutation->mutable_update_mask()->add_paths("weight");
  *apply.mutable_confirm_within() = TimeUtil::SecondsToDuration(60);
  const v1::ApplyConfigResponse applied = Must(router.ApplyConfig(apply));
  // In effect. Look whether all is well; if this program dies, the router takes it back.
  v1::ConfirmCommitRequest confirm;
  confirm.set_commit_id(applied.change().pending_commit().commit_id());
  Must(router.ConfirmCommit(confirm));
}

void Undone(const Client& router) {
  v1::ListRevisionsRequest list;
  list.set_page_size(2);
  const v1::ListRevisionsResponse revisions = Must(router.ListRevisions(list));
  v1::RollbackRequest back;
  back.set_to_generation(revisions.revisions(1).generation());
  back.set_reason("INC-4711");
  Must(router.Rollback(back));
}

void Watched(const Client& router) {
  std::string token;
  {
    const std::unique_ptr<vllm_router::ConfigWatch> watch = router.WatchConfig({});
    const v1::WatchConfigResponse first = Must(watch->Next());
    std::cout << "backends: " << first.snapshot().backends_size() << '\n';
    token = first.resume_token();  // keep it: another process may go on from here
  }
  v1::SetLogLevelRequest level;
  level.set_log_level(v1::LOG_LEVEL_DEBUG);
  Must(router.SetLogLevel(level));

  v1::WatchConfigRequest resume;
  resume.set_resume_token(token);
  const std::unique_ptr<vllm_router::ConfigWatch> watch = router.WatchConfig(resume);
  const v1::WatchConfigResponse next = Must(watch->Next(absl::Now() + absl::Seconds(10)));
  std::cout << "generation " << next.generation() << " by " << next.delta().actor() << '\n';
  level.set_log_level(v1::LOG_LEVEL_INFO);
  Must(router.SetLogLevel(level));
}

void Statistics(const Client& router) {
  v1::WatchStatsRequest request;
  request.add_scopes(v1::STATS_SCOPE_BACKENDS);
  *request.mutable_min_interval() = TimeUtil::SecondsToDuration(1);
  const std::unique_ptr<vllm_router::StatsWatch> watch = router.WatchStats(request);
  for (int i = 0; i < 2; ++i) {
    const v1::WatchStatsResponse message = Must(watch->Next());
    // First the totals since the start of the router, then what each interval added.
    const v1::StatsTable& table =
        message.has_snapshot() ? message.snapshot().table() : message.delta().table();
    for (const v1::BackendStats& backend : table.backends()) {
      std::cout << backend.name() << ' ' << backend.traffic().requests_started() << '\n';
    }
  }
}

void Explained(const Client& router) {
  v1::ExplainRouteRequest request;
  request.mutable_input()->set_model("llama");
  v1::ExplainHeader* header = request.mutable_input()->add_headers();
  header->set_name("x-user-id");
  header->set_value("42");
  const v1::ExplainRouteResponse why = Must(router.ExplainRoute(request));
  std::cout << why.picked_backend() << " because " << why.pick_reason() << '\n';
}

void Requests(const Client& router) {
  v1::ListInFlightRequest list;
  *list.mutable_min_age() = TimeUtil::MinutesToDuration(10);
  const v1::ListInFlightResponse running = Must(router.ListInFlight(list));
  for (const v1::InFlightEntry& entry : running.entries()) {
    v1::AbortRequestRequest abort;
    abort.set_name(entry.name());
    abort.set_reason("runs for ever");
    if (!router.AbortRequest(abort).ok()) continue;  // it may have ended meanwhile
  }
}

void Compared(const Client& router) {
  const v1::AuditInFlightResponse audit = Must(router.AuditInFlight({}));
  for (const v1::InFlightComparison& one : audit.comparisons()) {
    std::cout << one.url() << ' ' << v1::InFlightVerdict_Name(one.verdict()) << ' '
              << one.difference() << '\n';
  }
}

void Callbacks(const Client& router) {
  v1::RegisterCallbackRequest request;
  request.set_callback_id("guard");
  request.mutable_callback()->set_target("127.0.0.1:9000");
  request.mutable_callback()->add_hook_points(v1::HOOK_POINT_PRE_REQUEST);
  Must(router.RegisterCallback(request));

  v1::TestCallbackRequest test;
  test.set_name("callbacks/guard");
  const v1::TestCallbackResponse answer = Must(router.TestCallback(test));
  std::cout << (answer.ok() ? "answers" : answer.message()) << '\n';

  v1::DeregisterCallbackRequest remove;
  remove.mutable_deletion()->set_name("callbacks/guard");
  Must(router.DeregisterCallback(remove));
}

void Audited(const Client& router) {
  v1::ListAuditEventsRequest list;
  list.set_page_size(5);
  const v1::ListAuditEventsResponse audit = Must(router.ListAuditEvents(list));
  for (const v1::AuditEvent& event : audit.events()) {
    std::cout << event.actor() << ' ' << event.rpc() << ' ' << event.error_reason() << '\n';
  }
}

void Server(const Client& router) {
  const v1::GetServerInfoResponse info = Must(router.GetServerInfo({}));
  std::cout << info.version() << ", you are " << info.caller() << '\n';
  v1::UpdateLimitsRequest limits;
  limits.mutable_limits()->mutable_access_log()->set_format(v1::ACCESS_LOG_FORMAT_JSON);
  limits.mutable_update_mask()->add_paths("access_log.format");
  Must(router.UpdateLimits(limits));
  v1::SetLogLevelRequest level;
  level.set_log_level(v1::LOG_LEVEL_INFO);
  Must(router.SetLogLevel(level));
  v1::ShutdownRequest shutdown;
  *shutdown.mutable_drain_timeout() = TimeUtil::MinutesToDuration(5);
  shutdown.set_validate_only(true);
  Must(router.Shutdown(shutdown));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: admin_api ADDRESS URL\n";
    return 2;
  }
  vllm_router::ClientOptions options;
  options.address = argv[1];
  const std::unique_ptr<Client> client = Must(Client::Create(options));
  const Client& router = *client;
  v1::RollbackRequest as_before;
  as_before.set_to_generation(Must(router.GetServerInfo({})).generation());
  Look(router);
  Backends(router, argv[2]);
  Logic(router);
  Canary(router);
  Several(router);
  Locking(router);
  Confirmed(router);
  Undone(router);
  Watched(router);
  Statistics(router);
  Explained(router);
  Requests(router);
  Compared(router);
  Callbacks(router);
  Audited(router);
  Removal(router);
  Server(router);
  Must(router.Rollback(as_before));
  return 0;
}
