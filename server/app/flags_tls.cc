// Certificates and keys of the data plane: towards clients and towards engines.
#include <gflags/gflags.h>

#include <cstdlib>

#include "absl/strings/str_format.h"
#include "server/app/flags_groups.h"
#include "server/base/status.h"
#include "server/base/strings.h"

DEFINE_string(tls_cert, "",
              "Certificate chain (PEM): serve HTTPS. Needs --tls-key. Reloaded on change.");
DEFINE_string(tls_key, "", "Private key of --tls-cert (PEM).");
DEFINE_string(tls_client_ca, "", "Authorities (PEM) whose certificate a client has to show.");
DEFINE_string(backend_tls_ca, "",
              "Authorities (PEM) that sign the engines' certificates. Default: the system's.");
DEFINE_string(
    api_keys_file, "",
    "Clients' keys, hashed and named; a client sends one as a bearer token or in X-Api-Key. "
    "Reloaded on change. Without it every client is served.");

namespace vllm_router::app {
namespace {

constexpr FlagSpec kFlags[] = {
    Text("tls_cert", "FILE").NeedsRestart(),      Text("tls_key", "FILE").NeedsRestart(),
    Text("tls_client_ca", "FILE").NeedsRestart(), Text("backend_tls_ca", "FILE").NeedsRestart(),
    Text("api_keys_file", "FILE").NeedsRestart(),
};

// A secret mounted from a file often ends with a line end; anything else that cannot stand in a
// header is a mistake.
absl::StatusOr<std::string> BackendApiKey() {
  const char* value = std::getenv("VLLM_API_KEY");
  std::string_view key = value == nullptr ? "" : value;
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r' || key.back() == ' ')) {
    key.remove_suffix(1);
  }
  for (const char c : key) {
    if (c < 0x21 || c > 0x7E) {
      return absl::InvalidArgumentError(
          "VLLM_API_KEY in the environment is not allowed: give visible ASCII characters only");
    }
  }
  return std::string(key);
}

absl::Status Fill(Config* config, std::vector<std::string>*) {
  TlsOptions& tls = config->tls;
  tls = {FLAGS_tls_cert, FLAGS_tls_key, FLAGS_tls_client_ca};
  ROUTER_RETURN_IF_ERROR(CheckTlsFlags("--tls", tls));
  config->backend_tls_ca = FLAGS_backend_tls_ca;
  config->api_keys_file = FLAGS_api_keys_file;
  ROUTER_ASSIGN_OR_RETURN(config->backend_api_key, BackendApiKey());
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTlsFlags(std::string_view prefix, const TlsOptions& tls) {
  const auto without = [&](const char* given, const char* missing) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s-%s needs %s-%s: give both or neither", prefix, given, prefix, missing));
  };
  if (!tls.cert.empty() && tls.key.empty()) return without("cert", "key");
  if (tls.cert.empty() && !tls.key.empty()) return without("key", "cert");
  if (!tls.client_ca.empty() && tls.cert.empty()) return without("client-ca", "cert");
  return absl::OkStatus();
}

const FlagGroup& TlsFlags() {
  static constexpr FlagGroup kGroup = {"TLS and keys", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
