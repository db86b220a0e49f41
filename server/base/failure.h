// Why a command was refused, in the words of the admin API but without gRPC or protobuf, so that
// configuration and control can say it and server/admin only has to put it on the wire.
//
//   if (!known) return base::BackendNotFound(name);
//
// Value types. The reasons are proto/router.proto's ErrorReason without its prefix; there is one
// function for each of them, which also knows its code and its metadata keys.
#ifndef SERVER_BASE_FAILURE_H_
#define SERVER_BASE_FAILURE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "server/base/clock.h"

namespace vllm_router::base {

// One field that is wrong: `mutations[2].upsert_backend.url`, and what is allowed instead.
struct Violation {
  std::string field;
  std::string description;
  friend bool operator==(const Violation&, const Violation&) = default;
};

struct Failure {
  absl::StatusCode code = absl::StatusCode::kInternal;
  std::string reason = {};  // "ETAG_MISMATCH"; empty: no reason of ours, an internal error
  std::string message = {};
  std::map<std::string, std::string> metadata = {};
  std::vector<Violation> violations = {};
  std::optional<Duration> retry_after = {};
};

// A T or why there is none. [[nodiscard]] like absl::StatusOr; value access needs ok().
template <typename T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}    // NOLINT: implicit
  Outcome(Failure why) : state_(std::in_place_index<1>, std::move(why)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  const Failure& failure() const& { return std::get<1>(state_); }
  Failure&& failure() && { return std::get<1>(std::move(state_)); }

  const T& operator*() const& { return std::get<0>(state_); }
  T& operator*() & { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  const T* operator->() const { return &std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }

 private:
  std::variant<T, Failure> state_;
};

// INVALID_ARGUMENT. `violations` must not be empty.
Failure InvalidFields(std::vector<Violation> violations);
Failure InvalidField(std::string_view field, std::string_view description);
Failure RequestIdReused(std::string_view rpc);

// UNAUTHENTICATED, PERMISSION_DENIED. They never repeat what the caller sent.
Failure CredentialsMissing();
Failure CredentialsInvalid();
Failure RoleInsufficient(std::string_view role, std::string_view required_role);

// NOT_FOUND. Names are those of resources: "backends/b1".
Failure BackendNotFound(std::string_view name);
Failure CallbackNotFound(std::string_view name);
Failure AliasNotFound(std::string_view name);
Failure PolicyNotFound(std::string_view name);
Failure RevisionNotFound(uint64_t generation, uint64_t oldest_generation);
Failure CommitNotFound(std::string_view commit_id);
Failure LeaseNotFound(std::string_view name);
Failure ModelNotFound(std::string_view model);
// `key` is "name" or "http_request_id", whichever the caller gave.
Failure RequestNotFound(std::string_view key, std::string_view value);

// ALREADY_EXISTS.
Failure ResourceExists(std::string_view name);

// ABORTED: with the current value, so that the caller can tell what it has missed.
Failure EtagMismatch(std::string_view name, std::string_view current_etag);
Failure GenerationMismatch(uint64_t current_generation);

// FAILED_PRECONDITION.
Failure ResourceInUse(std::string_view name, const std::vector<std::string>& used_by);
// `field` empty: the whole backend.
Failure SourceOwned(std::string_view name, std::string_view source, std::string_view field);
Failure CommitPending(std::string_view commit_id, std::string_view expire_time);

// OUT_OF_RANGE.
Failure ResumeTokenExpired();

// RESOURCE_EXHAUSTED.
Failure TooManyWatchers(uint64_t limit, Duration retry_after);
Failure TooManyCalls(uint64_t limit, Duration retry_after);

// UNAVAILABLE, INTERNAL.
Failure ShuttingDown();
Failure StateStoreFailed(std::string_view detail);

}  // namespace vllm_router::base

#endif  // SERVER_BASE_FAILURE_H_
