#include "server/admin/service.h"

#include <utility>

#include "server/config/fields.h"

namespace vllm_router::admin {
namespace {

// Checks name fields by where a mutation of ApplyConfig has them; other RPCs have them elsewhere.
base::Failure InTermsOf(std::string_view mutation_field, std::string_view request_field,
                        base::Failure failure) {
  if (failure.violations.empty()) return failure;
  for (base::Violation& violation : failure.violations) {
    if (mutation_field.empty() || violation.field.rfind(mutation_field, 0) != 0) continue;
    violation.field.replace(0, mutation_field.size(), request_field);
  }
  return base::InvalidFields(std::move(failure.violations));  // its message names the first one
}

std::string_view FieldOf(const v1::ConfigMutation& mutation) {
  const auto* field = v1::ConfigMutation::descriptor()->FindFieldByNumber(mutation.mutation_case());
  return field == nullptr ? std::string_view() : std::string_view(field->name());
}

}  // namespace

Service::Service(Gate& gate, control::ControlPlane& control, AuditLog& audit, WatchLoop& watches,
                 Process process, const OpaqueTokens& tokens)
    : gate_(gate),
      control_(control),
      audit_(audit),
      watches_(watches),
      process_(std::move(process)),
      tokens_(tokens) {}

void Service::SetAdminAddresses(const std::vector<std::string>& addresses) {
  base::MutexLock lock(&mutex_);
  admin_addresses_ = addresses;
}

control::Command Service::CommandOf(const CallPtr& call,
                                    std::function<void(config::Draft&)> edit) const {
  return {.author = {.actor = call->caller().actor, .reason = call->reason()},
          .edit = std::move(edit),
          .validate_only = call->validate_only()};
}

void Service::Submit(const CallPtr& call, std::function<void(config::Draft&)> edit,
                     v1::ChangeResult* result, Take take, std::string_view mutation_field,
                     std::string_view request_field) {
  control_.Submit(
      CommandOf(call, std::move(edit)),
      [call, result, take = std::move(take), mutation_field,
       request_field](const base::Outcome<control::Applied>& applied) {
        if (!applied.ok()) {
          return call->Refuse(InTermsOf(mutation_field, request_field, applied.failure()));
        }
        *result = applied->result;
        if (take) take(*applied);
        call->Changed(applied->result);
        call->Answer();
      });
}

void Service::Change(const CallPtr& call, OneChange change, v1::ChangeResult* result, Take take) {
  const std::string_view mutation_field = FieldOf(change.mutation);
  Submit(
      call,
      [mutation = std::move(change.mutation), expect = change.expect](config::Draft& draft) {
        draft.Apply(mutation, "", expect);
      },
      result, std::move(take), mutation_field, change.field);
}

}  // namespace vllm_router::admin
