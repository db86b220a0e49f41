#include "server/app/admin_parts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/admin/role_file.h"
#include "server/admin/server.h"
#include "server/admin/service.h"
#include "server/app/read_file.h"
#include "server/base/log.h"
#include "server/base/status.h"

namespace vllm_router::app {
namespace {

bool IsDefaultAddress(const StartRouter& start) {
  return std::any_of(start.values.begin(), start.values.end(), [](const FlagValue& value) {
    return value.spec->name == "admin_address" && value.source == FlagSource::kDefault;
  });
}

absl::StatusOr<std::shared_ptr<const admin::RoleFile>> ReadRoles(const std::string& path) {
  ROUTER_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return admin::RoleFile::Parse(path, text);
}

}  // namespace

AdminParts::AdminParts(const StartRouter& start, control::ControlPlane& control)
    : start_(start), options_(start.config.admin), control_(control) {}

AdminParts::~AdminParts() { Shutdown(base::Duration::zero()); }

absl::StatusOr<std::unique_ptr<AdminParts>> AdminParts::Create(const StartRouter& start,
                                                               control::ControlPlane& control,
                                                               LiveFiles& files) {
  std::unique_ptr<AdminParts> parts(new AdminParts(start, control));
  std::unique_ptr<admin::AuditFile> file;
  if (!parts->options_.audit_log.empty()) {
    ROUTER_ASSIGN_OR_RETURN(file, admin::AuditFile::Open({.path = parts->options_.audit_log}));
  }
  parts->audit_ =
      std::make_unique<admin::AuditLog>(admin::AuditLog::Options{.file = std::move(file)});

  admin::Authorizer::Options who{.client_certificates = !parts->options_.tls.client_ca.empty(),
                                 .roles = nullptr};
  if (!parts->options_.tokens_file.empty()) {
    ROUTER_ASSIGN_OR_RETURN(who.roles, ReadRoles(parts->options_.tokens_file));
  }
  parts->gate_ =
      std::make_unique<admin::Gate>(admin::Gate::Options{.authorizer = std::move(who)},
                                    *parts->audit_, [&control] { return control.generation(); });
  ROUTER_RETURN_IF_ERROR(files.Add("admin tokens", {parts->options_.tokens_file},
                                   [parts = parts.get()] { return parts->LoadRoles(); }));
  return parts;
}

absl::Status AdminParts::LoadRoles() {
  ROUTER_ASSIGN_OR_RETURN(auto roles, ReadRoles(options_.tokens_file));
  gate_->authorizer().Replace(std::move(roles));
  return absl::OkStatus();
}

void AdminParts::SetProcess(admin::Process process) {
  service_ =
      std::make_unique<admin::Service>(*gate_, control_, *audit_, watches_, std::move(process));
}

absl::Status AdminParts::Start() {
  if (options_.address.empty()) return absl::OkStatus();
  const TlsOptions& tls = options_.tls;
  auto server = std::make_unique<admin::Server>(admin::ServerOptions{
      .address = options_.address,
      .tls = {.certificate = tls.cert, .key = tls.key, .client_ca = tls.client_ca},
      .token_authentication = !options_.tokens_file.empty(),
      .insecure_ok = options_.insecure,
      .may_use_channelz = [this](const grpc::ServerContextBase& call) {
        return gate_->authorizer().Identify(admin::CredentialsOf(call)).ok();
      }});
  server->AddService(service_.get());
  watches_.Start();
  if (absl::Status started = server->Start(); !started.ok()) {
    watches_.Stop();
    if (!absl::IsUnavailable(started) || !IsDefaultAddress(start_)) return started;
    ROUTER_LOG(kWarning,
               "there is no admin service: %s; give --admin-address another one, or an empty one "
               "for none",
               started.message());
    return absl::OkStatus();
  }
  server_ = std::move(server);
  service_->SetAdminAddresses(server_->addresses());
  control_.Subscribe([this] { watches_.OnNews(); });
  subscription_ = audit_->Subscribe([this] { watches_.OnNews(); });
  watches_.OnNews();  // for streams that were opened a moment earlier
  return absl::OkStatus();
}

void AdminParts::AuditOwnChange(const control::Author& author, uint64_t generation_before,
                                const base::Outcome<control::Applied>& outcome) {
  v1::AuditEvent event;
  event.set_actor(author.actor);
  event.set_role(v1::ROLE_ADMIN);
  event.set_reason(author.reason);
  event.set_generation_before(generation_before);
  event.set_generation_after(generation_before);
  if (outcome.ok()) {
    event.set_generation_after(outcome->result.generation());
    *event.mutable_diff() = outcome->result.diff();
    for (const v1::ResourceDiff& resource : outcome->result.diff().resources()) {
      event.add_resources(resource.name());
    }
  } else {
    event.set_grpc_code(static_cast<int>(outcome.failure().code));
    event.set_error_reason(outcome.failure().reason);
    event.set_error_message(outcome.failure().message);
  }
  audit_->Append(std::move(event));
}

void AdminParts::SetNotServing() {
  if (server_ != nullptr) server_->SetServing(false);
}

void AdminParts::Shutdown(base::Duration grace) {
  if (server_ == nullptr) return;
  gate_->Close();
  watches_.EndAll();
  gate_->WaitUntilIdle(grace);
  // For the last bytes. gRPC would also wait for clients that are connected and ask nothing.
  server_->Shutdown(std::chrono::milliseconds(50));
  audit_->Unsubscribe(subscription_);
  audit_->Flush();  // nothing is destroyed at the end of the process
  watches_.Stop();
  server_ = nullptr;
}

}  // namespace vllm_router::app
