// Why a change or a query of the configuration was refused, in the terms of the admin API
// (proto/router.proto, ErrorReason) but without gRPC: code that knows nothing of the wire returns
// it, server/admin turns it into a status with details. A value type.
#ifndef SERVER_BASE_FAILURE_H_
#define SERVER_BASE_FAILURE_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "server/base/clock.h"

namespace vllm_router::base {

struct Violation {
  std::string field;        // path from the request: "mutations[2].upsert_backend.url"
  std::string description;  // what is wrong, with the value, and what is allowed

  friend bool operator==(const Violation&, const Violation&) = default;
};

struct Failure {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string reason;  // name of an ErrorReason without its prefix: "ETAG_MISMATCH"
  std::string message;
  std::map<std::string, std::string> metadata = {};
  std::vector<Violation> violations = {};  // with INVALID_FIELDS: all of them
  std::optional<Duration> retry_after = {};
};

// INVALID_ARGUMENT, INVALID_FIELDS; `violations` is not empty.
inline Failure InvalidFields(std::vector<Violation> violations) {
  const Violation& first = violations.front();
  std::string message =
      first.field.empty() ? first.description : first.field + ": " + first.description;
  if (violations.size() > 1) {
    message += " (and " + std::to_string(violations.size() - 1) + " more)";
  }
  return {.code = absl::StatusCode::kInvalidArgument,
          .reason = "INVALID_FIELDS",
          .message = std::move(message),
          .violations = std::move(violations)};
}

// A T, or why there is none.
template <typename T>
class Outcome {
 public:
  Outcome(T value) : held_(std::move(value)) {}            // NOLINT: implicit, as in absl::StatusOr
  Outcome(Failure failure) : held_(std::move(failure)) {}  // NOLINT

  bool ok() const { return std::holds_alternative<T>(held_); }
  T& operator*() { return std::get<T>(held_); }
  const T& operator*() const { return std::get<T>(held_); }
  T* operator->() { return &std::get<T>(held_); }
  const T* operator->() const { return &std::get<T>(held_); }
  const Failure& failure() const { return std::get<Failure>(held_); }

 private:
  std::variant<T, Failure> held_;
};

}  // namespace vllm_router::base

#endif  // SERVER_BASE_FAILURE_H_
