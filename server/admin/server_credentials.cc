#include "server/admin/server_credentials.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_format.h"

namespace vllm_router::admin {

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const net::ServerTlsFiles& files, base::Duration refresh) {
  if (files.certificate.empty()) {
    if (!files.key.empty() || !files.client_ca.empty()) {
      return absl::InvalidArgumentError(
          "the admin service has a TLS key or client CA but no certificate");
    }
    return grpc::InsecureServerCredentials();
  }
  if (const auto sound = net::MakeServerTls(files); !sound.ok()) return sound.status();

  namespace tls = grpc::experimental;
  const auto seconds =
      std::max<int64_t>(1, std::chrono::duration_cast<std::chrono::seconds>(refresh).count());
  auto provider = std::make_shared<tls::FileWatcherCertificateProvider>(
      files.key, files.certificate, files.client_ca, static_cast<unsigned int>(seconds));
  tls::TlsServerCredentialsOptions options(std::move(provider));
  options.watch_identity_key_cert_pairs();
  if (!files.client_ca.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  auto credentials = tls::TlsServerCredentials(options);
  if (credentials == nullptr) {
    return absl::InternalError(
        absl::StrFormat("%s: gRPC does not take the TLS settings", files.certificate));
  }
  return credentials;
}

}  // namespace vllm_router::admin
