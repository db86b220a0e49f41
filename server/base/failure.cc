#include "server/base/failure.h"

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/base/strings.h"

namespace vllm_router::base {
namespace {

using Metadata = std::map<std::string, std::string>;

Failure Make(absl::StatusCode code, std::string_view reason, std::string message,
             Metadata metadata = {}) {
  return {code, std::string(reason), std::move(message), std::move(metadata), {}, std::nullopt};
}

Failure NotFound(std::string_view reason, std::string_view what, std::string_view key,
                 std::string_view value) {
  return Make(absl::StatusCode::kNotFound, reason,
              absl::StrFormat("there is no %s '%s'", what, Printable(value)),
              {{std::string(key), std::string(value)}});
}

Failure TooMany(std::string_view reason, std::string_view what, uint64_t limit, Duration after) {
  Failure failure = Make(absl::StatusCode::kResourceExhausted, reason,
                         absl::StrFormat("%d %s are open, which is the limit", limit, what),
                         {{"limit", std::to_string(limit)}});
  failure.retry_after = after;
  return failure;
}

}  // namespace

Failure InvalidFields(std::vector<Violation> violations) {
  std::string message =
      absl::StrFormat("%s: %s", violations.front().field, violations.front().description);
  if (violations.size() > 1) {
    absl::StrAppendFormat(&message, " (and %d more)", violations.size() - 1);
  }
  Failure failure = Make(absl::StatusCode::kInvalidArgument, "INVALID_FIELDS", std::move(message));
  failure.violations = std::move(violations);
  return failure;
}

Failure InvalidField(std::string_view field, std::string_view description) {
  return InvalidFields({{std::string(field), std::string(description)}});
}

Failure RequestIdReused(std::string_view rpc) {
  return Make(absl::StatusCode::kInvalidArgument, "REQUEST_ID_REUSED",
              absl::StrFormat("this request_id came with another content, to %s", rpc),
              {{"rpc", std::string(rpc)}});
}

Failure CredentialsMissing() {
  return Make(absl::StatusCode::kUnauthenticated, "CREDENTIALS_MISSING",
              "a client certificate or an 'authorization: Bearer TOKEN' metadata entry is needed");
}

Failure CredentialsInvalid() {
  return Make(absl::StatusCode::kUnauthenticated, "CREDENTIALS_INVALID",
              "this router does not know the certificate or token");
}

Failure RoleInsufficient(std::string_view role, std::string_view required_role) {
  return Make(absl::StatusCode::kPermissionDenied, "ROLE_INSUFFICIENT",
              absl::StrFormat("role %s is too low, this needs %s", role, required_role),
              {{"role", std::string(role)}, {"required_role", std::string(required_role)}});
}

Failure BackendNotFound(std::string_view name) {
  return NotFound("BACKEND_NOT_FOUND", "backend", "name", name);
}
Failure CallbackNotFound(std::string_view name) {
  return NotFound("CALLBACK_NOT_FOUND", "callback", "name", name);
}
Failure AliasNotFound(std::string_view name) {
  return NotFound("ALIAS_NOT_FOUND", "alias", "name", name);
}
Failure PolicyNotFound(std::string_view name) {
  return NotFound("POLICY_NOT_FOUND", "routing policy", "name", name);
}
Failure RevisionNotFound(uint64_t generation, uint64_t oldest_generation) {
  return Make(absl::StatusCode::kNotFound, "REVISION_NOT_FOUND",
              absl::StrFormat("generation %d is not kept, the oldest one is %d", generation,
                              oldest_generation),
              {{"generation", std::to_string(generation)},
               {"oldest_generation", std::to_string(oldest_generation)}});
}
Failure CommitNotFound(std::string_view commit_id) {
  return NotFound("COMMIT_NOT_FOUND", "pending commit", "commit_id", commit_id);
}
Failure LeaseNotFound(std::string_view name) {
  return NotFound("LEASE_NOT_FOUND", "such lease of", "name", name);
}
Failure ModelNotFound(std::string_view model) {
  return NotFound("MODEL_NOT_FOUND", "backend or alias for model", "model", model);
}
Failure RequestNotFound(std::string_view key, std::string_view value) {
  return NotFound("REQUEST_NOT_FOUND", "request", key, value);
}

Failure ResourceExists(std::string_view name) {
  return Make(absl::StatusCode::kAlreadyExists, "RESOURCE_EXISTS",
              absl::StrFormat("'%s' exists already", Printable(name)),
              {{"name", std::string(name)}});
}

Failure EtagMismatch(std::string_view name, std::string_view current_etag) {
  return Make(absl::StatusCode::kAborted, "ETAG_MISMATCH",
              absl::StrFormat("'%s' has changed since it was read; its etag is now %s",
                              Printable(name), current_etag),
              {{"name", std::string(name)}, {"etag", std::string(current_etag)}});
}

Failure GenerationMismatch(uint64_t current_generation) {
  return Make(absl::StatusCode::kAborted, "ETAG_MISMATCH",
              absl::StrFormat("the configuration has changed since it was read; generation %d is "
                              "in effect",
                              current_generation),
              {{"generation", std::to_string(current_generation)}});
}

Failure ResourceInUse(std::string_view name, const std::vector<std::string>& used_by) {
  const std::string users = absl::StrJoin(used_by, ",");
  return Make(absl::StatusCode::kFailedPrecondition, "RESOURCE_IN_USE",
              absl::StrFormat("'%s' is used by %s", Printable(name), Printable(users)),
              {{"name", std::string(name)}, {"used_by", users}});
}

Failure SourceOwned(std::string_view name, std::string_view source, std::string_view field) {
  return Make(
      absl::StatusCode::kFailedPrecondition, "SOURCE_OWNED",
      absl::StrFormat("discovery (%s) owns %s'%s'", source,
                      field.empty() ? "" : absl::StrFormat("'%s' of ", field), Printable(name)),
      {{"name", std::string(name)},
       {"source", std::string(source)},
       {"field", std::string(field)}});
}

Failure CommitPending(std::string_view commit_id, std::string_view expire_time) {
  return Make(
      absl::StatusCode::kFailedPrecondition, "COMMIT_PENDING",
      absl::StrFormat("commit %s waits for its confirmation until %s", commit_id, expire_time),
      {{"commit_id", std::string(commit_id)}, {"expire_time", std::string(expire_time)}});
}

Failure ResumeTokenExpired() {
  return Make(absl::StatusCode::kOutOfRange, "RESUME_TOKEN_EXPIRED",
              "the stream cannot go on from this token; begin without one");
}

Failure TooManyWatchers(uint64_t limit, Duration retry_after) {
  return TooMany("TOO_MANY_WATCHERS", "streams", limit, retry_after);
}
Failure TooManyCalls(uint64_t limit, Duration retry_after) {
  return TooMany("TOO_MANY_CALLS", "calls", limit, retry_after);
}

Failure ShuttingDown() {
  return Make(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "the router is shutting down");
}

Failure StateStoreFailed(std::string_view detail) {
  return Make(absl::StatusCode::kInternal, "STATE_STORE_FAILED",
              absl::StrFormat("the new generation could not be made durable and is not in effect: "
                              "%s",
                              detail),
              {{"detail", std::string(detail)}});
}

}  // namespace vllm_router::base
