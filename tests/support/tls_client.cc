#include "tests/support/tls_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::test {
namespace {

constexpr time_t kPatienceSeconds = 10;

absl::Status Failed(const char* what) {
  char reason[256] = "";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, reason, sizeof(reason));
  }
  const int error = errno;
  ERR_clear_error();
  return absl::UnavailableError(absl::StrFormat("%s: %s (%s)", what, reason, std::strerror(error)));
}

}  // namespace

absl::StatusOr<TlsClient> TlsClient::Connect(uint16_t port, const Options& options) {
  TlsClient client;
  client.fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
  ::setsockopt(client.fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(client.fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(client.fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return Failed("connect");
  }
  client.context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = client.context_.get();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_locations(context, options.ca.c_str(), nullptr) != 1) {
    return Failed("the authority's file");
  }
  if (!options.certificate.empty() &&
      (SSL_CTX_use_certificate_chain_file(context, options.certificate.c_str()) != 1 ||
       SSL_CTX_use_PrivateKey_file(context, options.key.c_str(), SSL_FILETYPE_PEM) != 1)) {
    return Failed("the client's certificate");
  }
  static constexpr unsigned char kAlpn[] = "\x02h2\x08http/1.1";
  SSL_CTX_set_alpn_protos(context, kAlpn, sizeof(kAlpn) - 1);
  client.ssl_.reset(SSL_new(context));
  SSL_set_fd(client.ssl_.get(), client.fd_);
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(client.ssl_.get()), "127.0.0.1");
  if (SSL_connect(client.ssl_.get()) != 1) return Failed("handshake");
  return client;
}

TlsClient::TlsClient(TlsClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      context_(std::move(other.context_)),
      ssl_(std::move(other.ssl_)),
      received_(std::move(other.received_)) {}

TlsClient::~TlsClient() {
  ssl_.reset();
  if (fd_ >= 0) ::close(fd_);
}

absl::Status TlsClient::Send(std::string_view bytes) {
  const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  return sent == static_cast<int>(bytes.size()) ? absl::OkStatus() : Failed("write");
}

absl::Status TlsClient::Receive() {
  char bytes[16384];
  const int got = SSL_read(ssl_.get(), bytes, sizeof(bytes));
  if (got > 0) {
    received_.append(bytes, static_cast<size_t>(got));
    return absl::OkStatus();
  }
  if (SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN) {
    return absl::OutOfRangeError("the server ended the connection");
  }
  return Failed("read");
}

absl::StatusOr<std::string> TlsClient::ReadUntilEnd() {
  absl::Status more;
  do {
    more = Receive();
  } while (more.ok());
  if (!absl::IsOutOfRange(more)) return more;
  return std::exchange(received_, {});
}

absl::StatusOr<std::string> TlsClient::ReadUntil(std::string_view text) {
  while (received_.find(text) == std::string::npos) {
    if (absl::Status more = Receive(); !more.ok()) return more;
  }
  return std::exchange(received_, {});
}

std::string TlsClient::PeerName() const {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(ssl_.get()), X509_free);
  char name[256] = "";
  if (certificate != nullptr) {
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                              sizeof(name));
  }
  return name;
}

std::string TlsClient::Alpn() const {
  const unsigned char* chosen = nullptr;
  unsigned int length = 0;
  SSL_get0_alpn_selected(ssl_.get(), &chosen, &length);
  return chosen == nullptr ? "" : std::string(reinterpret_cast<const char*>(chosen), length);
}

}  // namespace vllm_router::test
