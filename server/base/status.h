// Early returns for absl::Status and absl::StatusOr, which Debian's abseil (20220623) does not
// bring itself.
#ifndef SERVER_BASE_STATUS_H_
#define SERVER_BASE_STATUS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define ROUTER_RETURN_IF_ERROR(expr)                    \
  do {                                                  \
    if (absl::Status status_ = (expr); !status_.ok()) { \
      return status_;                                   \
    }                                                   \
  } while (false)

#define ROUTER_STATUS_CONCAT_INNER(a, b) a##b
#define ROUTER_STATUS_CONCAT(a, b) ROUTER_STATUS_CONCAT_INNER(a, b)

// ROUTER_ASSIGN_OR_RETURN(auto x, Compute()); assigns the value or returns the status.
// `lhs` may be a declaration, so it stands without parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define ROUTER_ASSIGN_OR_RETURN(lhs, expr) \
  ROUTER_ASSIGN_OR_RETURN_IMPL(ROUTER_STATUS_CONCAT(status_or_, __LINE__), lhs, expr)
#define ROUTER_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                                 \
  if (!result.ok()) {                                   \
    return std::move(result).status();                  \
  }                                                     \
  lhs = *std::move(result)
// NOLINTEND(bugprone-macro-parentheses)

#endif  // SERVER_BASE_STATUS_H_
