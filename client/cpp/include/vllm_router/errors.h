// What a router's error says beyond code and message. An absl::Status of a Client carries the
// details that came with it (google.rpc.ErrorInfo, BadRequest, RetryInfo) as payloads; these
// functions read them. Any thread.
#ifndef VLLM_ROUTER_ERRORS_H_
#define VLLM_ROUTER_ERRORS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace vllm_router {

// One field of the request that the router refuses.
struct FieldViolation {
  std::string field;        // path from the request: "mutations[2].upsert_backend.url"
  std::string description;  // what is wrong and what is allowed
};

// v1::ErrorReason without its prefix, such as "ETAG_MISMATCH"; empty when the error is gRPC's own.
std::string ErrorReason(const absl::Status& status);

// What v1::ErrorReason promises for the reason: {"name", "backends/a"}, {"etag", "..."}.
std::map<std::string, std::string> ErrorMetadata(const absl::Status& status);

// All violations of an INVALID_FIELDS error, in the router's order.
std::vector<FieldViolation> Violations(const absl::Status& status);

// Name of the RPC that failed, such as "DrainBackend"; empty when the error arose before any call.
std::string FailedRpc(const absl::Status& status);

// When to come back at the earliest, if the router said so.
std::optional<absl::Duration> RetryDelay(const absl::Status& status);

}  // namespace vllm_router

#endif  // VLLM_ROUTER_ERRORS_H_
