// The admin service: where it listens, who may call it, what it keeps.
#include <arpa/inet.h>
#include <gflags/gflags.h>

#include <optional>

#include "absl/strings/str_format.h"
#include "server/app/flags_groups.h"
#include "server/base/status.h"
#include "server/base/strings.h"

DEFINE_string(admin_address, "127.0.0.1:50051",
              "Where the admin service (gRPC) listens: HOST:PORT, [IPV6]:PORT or unix:PATH. Empty "
              "= no admin service.");
DEFINE_string(admin_tls_cert, "", "Certificate chain (PEM) of the admin service.");
DEFINE_string(admin_tls_key, "", "Private key of --admin-tls-cert (PEM).");
DEFINE_string(admin_tls_client_ca, "",
              "Authorities (PEM) whose certificate an admin client has to show.");
DEFINE_string(admin_tokens_file, "", "Bearer tokens and their roles. Reloaded on change.");
DEFINE_bool(admin_insecure, false,
            "Allow an --admin-address that others can reach without TLS and authentication.");
DEFINE_string(state_dir, "",
              "Where accepted configurations are kept; the newest one wins over the flags at the "
              "next start. Without it they are kept in memory.");
DEFINE_bool(reset_state, false, "Start from the flags again, whatever --state-dir holds.");
DEFINE_string(audit_log, "", "File to which each change is appended, as JSON lines.");
DEFINE_string(secrets_dir, "",
              "Directory below which the files have to lie that backends name as their API key. "
              "Empty = no file may be named.");

namespace vllm_router::app {
namespace {

constexpr FlagSpec kFlags[] = {
    Text("admin_address", "ADDRESS").NeedsRestart(),
    Text("admin_tls_cert", "FILE").NeedsRestart(),
    Text("admin_tls_key", "FILE").NeedsRestart(),
    Text("admin_tls_client_ca", "FILE").NeedsRestart(),
    Text("admin_tokens_file", "FILE").NeedsRestart(),
    Switch("admin_insecure").NeedsRestart(),
    Text("state_dir", "DIRECTORY").NeedsRestart(),
    Switch("reset_state").NeedsRestart(),
    Text("audit_log", "FILE").NeedsRestart(),
    Text("secrets_dir", "DIRECTORY").NeedsRestart(),
};

// The host of HOST:PORT or [IPV6]:PORT; nullopt when `address` is neither.
std::optional<std::string> HostOf(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> port = base::ParseUint(address.substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;
  std::string_view host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return std::string(host.substr(1, host.size() - 2));
  }
  if (host.empty() || host.find_first_of(":[]/ \t") != std::string_view::npos) return std::nullopt;
  return std::string(host);
}

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

absl::Status CheckAddress(const AdminOptions& admin) {
  static constexpr std::string_view kUnix = "unix:";
  const std::string_view address = admin.address;
  if (address.empty()) return absl::OkStatus();
  if (address.substr(0, kUnix.size()) == kUnix && address.size() > kUnix.size()) {
    return absl::OkStatus();
  }
  const std::optional<std::string> host = HostOf(address);
  if (!host) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "--admin-address '%s' is not allowed: give HOST:PORT, [IPV6]:PORT or unix:PATH",
        base::Printable(address)));
  }
  const bool authenticates = !admin.tls.client_ca.empty() || !admin.tokens_file.empty();
  if (IsLoopback(*host) || admin.insecure || (!admin.tls.cert.empty() && authenticates)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "--admin-address '%s' can be reached by others: give --admin-tls-cert and --admin-tls-key "
      "with --admin-tls-client-ca or --admin-tokens-file, or allow it with --admin-insecure",
      base::Printable(address)));
}

absl::Status Fill(Config* config, std::vector<std::string>*) {
  AdminOptions& admin = config->admin;
  admin.address = FLAGS_admin_address;
  admin.tls = {FLAGS_admin_tls_cert, FLAGS_admin_tls_key, FLAGS_admin_tls_client_ca};
  admin.tokens_file = FLAGS_admin_tokens_file;
  admin.insecure = FLAGS_admin_insecure;
  admin.state_dir = FLAGS_state_dir;
  admin.reset_state = FLAGS_reset_state;
  admin.audit_log = FLAGS_audit_log;
  admin.secrets_dir = FLAGS_secrets_dir;
  ROUTER_RETURN_IF_ERROR(CheckTlsFlags("--admin-tls", admin.tls));
  ROUTER_RETURN_IF_ERROR(CheckAddress(admin));
  if (!admin.secrets_dir.empty() && admin.secrets_dir.front() != '/') {
    return absl::InvalidArgumentError(
        absl::StrFormat("--secrets-dir '%s' is not allowed: give an absolute path",
                        base::Printable(admin.secrets_dir)));
  }
  if (admin.reset_state && admin.state_dir.empty()) {
    return absl::InvalidArgumentError(
        "--reset-state needs --state-dir: without it there is no state to reset");
  }
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& AdminFlags() {
  static constexpr FlagGroup kGroup = {"Admin", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
