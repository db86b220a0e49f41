#include "server/callbacks/channel_credentials.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/net/tls.h"

namespace vllm_router::callbacks {
namespace {

constexpr unsigned kRefreshSeconds = 30;
// The system's authorities together take a quarter of it.
constexpr off_t kMostFileBytes = 1 << 20;

// A pipe or a device would hold up whoever reads it, perhaps for ever.
absl::Status CheckFile(const std::string& path) {
  struct stat about {};
  if (path.empty()) return absl::OkStatus();
  const char* wrong = nullptr;
  if (::stat(path.c_str(), &about) != 0) {
    wrong = std::strerror(errno);
  } else if (!S_ISREG(about.st_mode)) {
    wrong = "not a file";
  } else if (about.st_size > kMostFileBytes) {
    wrong = "longer than 1 MiB";
  }
  if (wrong == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("cannot use '%s': %s", base::Printable(path), wrong));
}

absl::Status CheckFiles(const v1::TlsSettings& tls) {
  for (const std::string& path : {tls.ca_file(), tls.cert_file(), tls.key_file()}) {
    ROUTER_RETURN_IF_ERROR(CheckFile(path));
  }
  if (!tls.ca_file().empty()) {
    ROUTER_RETURN_IF_ERROR(net::MakeClientTls(tls.ca_file()).status());
  }
  if (tls.cert_file().empty() != tls.key_file().empty()) {
    return absl::InvalidArgumentError("cert_file and key_file go together: set both or none");
  }
  if (tls.cert_file().empty()) return absl::OkStatus();
  // That a pair belongs together is the same question for both sides.
  return net::MakeServerTls(
             {.certificate = tls.cert_file(), .key = tls.key_file(), .client_ca = ""})
      .status();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeTlsCredentials(
    const v1::TlsSettings& tls) {
  ROUTER_RETURN_IF_ERROR(CheckFiles(tls));
  namespace experimental = grpc::experimental;
  experimental::TlsChannelCredentialsOptions options;
  if (!tls.ca_file().empty() || !tls.cert_file().empty()) {
    options.set_certificate_provider(std::make_shared<experimental::FileWatcherCertificateProvider>(
        tls.key_file(), tls.cert_file(), tls.ca_file(), kRefreshSeconds));
    if (!tls.ca_file().empty()) options.watch_root_certs();
    if (!tls.cert_file().empty()) options.watch_identity_key_cert_pairs();
  }
  if (tls.insecure_skip_verify()) {
    options.set_verify_server_certs(false);
    options.set_check_call_host(false);
    options.set_certificate_verifier(std::make_shared<experimental::NoOpCertificateVerifier>());
  }
  auto credentials = experimental::TlsCredentials(options);
  if (credentials == nullptr) return absl::InternalError("gRPC does not take the TLS settings");
  return credentials;
}

}  // namespace vllm_router::callbacks
