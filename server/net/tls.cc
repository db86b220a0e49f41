#include "server/net/tls.h"

#include <openssl/err.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "absl/strings/str_format.h"
#include "server/base/status.h"

namespace vllm_router::net {
namespace {

absl::Status TlsError(std::string_view what, const std::string& file) {
  char reason[256] = "unknown error";
  if (const unsigned long code = ERR_get_error(); code != 0)
    ERR_error_string_n(code, reason, sizeof(reason));
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrFormat("%s '%s': %s", what, file, reason));
}

// OpenSSL would read a device for ever, and a pipe would stop the thread.
absl::Status CheckFile(std::string_view what, const std::string& file) {
  struct stat look {};
  const bool there = ::stat(file.c_str(), &look) == 0;
  if (there && S_ISREG(look.st_mode)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s '%s': %s", what, file, there ? "not a file" : std::generic_category().message(errno)));
}

int SelectHttp11(SSL*, const unsigned char** out, unsigned char* out_length,
                 const unsigned char* in, unsigned int in_length, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kHttp11, sizeof(kHttp11) - 1, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

void SetCommonOptions(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // A retried write may come from another buffer: ours move while a slow peer is waited for.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
}

absl::Status UseCertificate(SSL_CTX* context, const std::string& certificate,
                            const std::string& key) {
  ROUTER_RETURN_IF_ERROR(CheckFile("cannot use the certificate file", certificate));
  ROUTER_RETURN_IF_ERROR(CheckFile("cannot use the key file", key));
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return TlsError("cannot use the certificate file", certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return TlsError("cannot use the key file", key);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return TlsError("the key does not belong to the certificate: key file", key);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TlsContext> MakeServerTls(const ServerTlsFiles& files) {
  TlsContext context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* ssl = context.get();
  SetCommonOptions(ssl);
  SSL_CTX_set_alpn_select_cb(ssl, SelectHttp11, nullptr);
  ROUTER_RETURN_IF_ERROR(UseCertificate(ssl, files.certificate, files.key));
  if (!files.client_ca.empty()) {
    ROUTER_RETURN_IF_ERROR(CheckFile("cannot use the client CA file", files.client_ca));
    if (SSL_CTX_load_verify_locations(ssl, files.client_ca.c_str(), nullptr) != 1) {
      return TlsError("cannot use the client CA file", files.client_ca);
    }
    SSL_CTX_set_client_CA_list(ssl, SSL_load_client_CA_file(files.client_ca.c_str()));
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  static constexpr unsigned char kSessionContext[] = "vllm-router";
  SSL_CTX_set_session_id_context(ssl, kSessionContext, sizeof(kSessionContext) - 1);
  return context;
}

absl::StatusOr<TlsContext> MakeClientTls(const ClientTlsFiles& files) {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* ssl = context.get();
  SetCommonOptions(ssl);
  if (!files.ca.empty()) ROUTER_RETURN_IF_ERROR(CheckFile("cannot use the CA file", files.ca));
  const int loaded = files.ca.empty()
                         ? SSL_CTX_set_default_verify_paths(ssl)
                         : SSL_CTX_load_verify_locations(ssl, files.ca.c_str(), nullptr);
  if (loaded != 1) return TlsError("cannot use the CA file", files.ca);
  if (!files.certificate.empty()) {
    ROUTER_RETURN_IF_ERROR(UseCertificate(ssl, files.certificate, files.key));
  }
  SSL_CTX_set_verify(ssl, files.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  const std::string_view alpn = files.http2 ? "\x02h2" : "\x08http/1.1";
  SSL_CTX_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()),
                          static_cast<unsigned>(alpn.size()));
  return context;
}

}  // namespace vllm_router::net
