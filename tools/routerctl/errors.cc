#include "tools/routerctl/errors.h"

#include <string>

#include "absl/strings/str_format.h"
#include "tools/routerctl/arguments.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl {
namespace {

std::string ServerVersion(Invocation& in) {
  const absl::StatusOr<Client*> client = in.client();
  if (!client.ok()) return "";
  const auto info = (*client)->GetServerInfo({}, {.timeout = absl::Seconds(2)});
  return info.ok() ? info->version() : "";
}

void PrintUnknownRpc(Invocation& in, const absl::Status& status) {
  const std::string rpc = FailedRpc(status);
  const std::string version = ServerVersion(in);
  if (version.empty()) {
    in.err << absl::StrFormat(
        "error: what listens at %s does not know RPC %s; is it a router's "
        "admin address?\n",
        in.address(), rpc);
  } else {
    in.err << absl::StrFormat("error: the router at %s does not know RPC %s; it is version %s\n",
                              in.address(), rpc, version);
  }
}

void PrintUnreachable(Invocation& in, const absl::Status& status) {
  in.err << absl::StrFormat("error: cannot reach the router at %s: %s\n", in.address(),
                            std::string(status.message()));
  in.err << "  Is it running, was it started with --admin-address, and do both sides speak TLS or "
            "neither (--tls, --tls-ca)?\n"
            "  Another address is given with --address or ROUTERCTL_ADDRESS.\n";
}

}  // namespace

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kOk;
  if (IsUsageError(status)) return kUsage;
  // What failed before any call is about this machine, not about the router.
  if (FailedRpc(status).empty()) {
    return status.code() == absl::StatusCode::kInvalidArgument ? kRefused : kFailed;
  }
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return kNotFound;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
      return kConflict;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kRefused;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kUnreachable;
    default:
      return kFailed;
  }
}

void PrintError(Invocation& in, const absl::Status& status) {
  const std::string reason = ErrorReason(status);
  const bool called = !FailedRpc(status).empty();
  if (called && status.code() == absl::StatusCode::kUnimplemented)
    return PrintUnknownRpc(in, status);
  if (called && status.code() == absl::StatusCode::kUnavailable && reason.empty()) {
    return PrintUnreachable(in, status);
  }
  if (called && status.code() == absl::StatusCode::kDeadlineExceeded) {
    in.err << absl::StrFormat(
        "error: no answer from %s in time (--timeout); a change may be in effect nevertheless\n",
        in.address());
    return;
  }
  in.err << "error: " << std::string(status.message());
  if (!reason.empty()) in.err << " (" << reason << ')';
  in.err << '\n';
  for (const FieldViolation& violation : Violations(status)) {
    in.err << "  " << violation.field << ": " << violation.description << '\n';
  }
  for (const auto& [key, value] : ErrorMetadata(status)) {
    in.err << "  " << key << ": " << value << '\n';
  }
  if (IsUsageError(status)) {
    const std::string command =
        in.args.command == nullptr ? "" : " " + std::string(in.args.command->name);
    in.err << "  More: routerctl help" << command << '\n';
  }
}

}  // namespace vllm_router::routerctl
