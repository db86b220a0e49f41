// TLS contexts: towards clients (certificate from files, re-read when they change) and towards
// engines and callback services (verification against a CA file or the system's). TLS 1.2 and
// later; ALPN with one protocol, http/1.1 or, towards callback services, h2.
#ifndef SERVER_NET_TLS_H_
#define SERVER_NET_TLS_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace vllm_router::net {

// Counts references itself (SSL_CTX_up_ref): running connections keep the context that they began
// with.
class TlsContext {
 public:
  TlsContext() = default;
  explicit TlsContext(SSL_CTX* adopted) : context_(adopted, SSL_CTX_free) {}
  SSL_CTX* get() const { return context_.get(); }
  explicit operator bool() const { return context_ != nullptr; }
  friend bool operator==(const TlsContext&, const TlsContext&) = default;  // the same one

 private:
  std::shared_ptr<SSL_CTX> context_;
};

struct ServerTlsFiles {
  std::string certificate;  // PEM chain
  std::string key;          // PEM
  std::string client_ca;    // PEM; when set, clients must present a certificate that it signed
};

// InvalidArgumentError names the file and what OpenSSL says of it.
absl::StatusOr<TlsContext> MakeServerTls(const ServerTlsFiles& files);

struct ClientTlsFiles {
  std::string ca = {};                // PEM; empty: the system's certificate authorities
  std::string certificate = {};       // PEM chain to show; empty: none
  std::string key = {};               // PEM, with `certificate`
  bool insecure_skip_verify = false;  // take any certificate for any name
  bool http2 = false;                 // what is spoken: HTTP/2, else HTTP/1.1
};
absl::StatusOr<TlsContext> MakeClientTls(const ClientTlsFiles& files);
inline absl::StatusOr<TlsContext> MakeClientTls(const std::string& ca_file) {
  return MakeClientTls(ClientTlsFiles{.ca = ca_file});
}

}  // namespace vllm_router::net

#endif  // SERVER_NET_TLS_H_
