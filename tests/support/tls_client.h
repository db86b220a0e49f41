// A blocking TLS client for tests: connects to 127.0.0.1, checks the server's certificate, sends
// and reads bytes. Gives up with an error after ten seconds of silence. Not thread-safe.
#ifndef TESTS_SUPPORT_TLS_CLIENT_H_
#define TESTS_SUPPORT_TLS_CLIENT_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vllm_router::test {

class TlsClient {
 public:
  struct Options {
    std::string ca;                // PEM file: what signed the server's certificate
    std::string certificate = {};  // PEM files to show when the server asks; empty: none
    std::string key = {};
  };

  // The handshake as this side sees it: under TLS 1.3 a server that refuses our certificate says so
  // in what is read next.
  static absl::StatusOr<TlsClient> Connect(uint16_t port, const Options& options);
  TlsClient(TlsClient&& other) noexcept;
  TlsClient& operator=(TlsClient&&) = delete;
  ~TlsClient();

  absl::Status Send(std::string_view bytes);
  // Everything until the server ends the connection in order.
  absl::StatusOr<std::string> ReadUntilEnd();
  // Reads until `text` has come; all that came so far.
  absl::StatusOr<std::string> ReadUntil(std::string_view text);
  // The subject's common name in the server's certificate.
  std::string PeerName() const;
  std::string Alpn() const;  // what was agreed on; empty: nothing

 private:
  TlsClient() : context_(nullptr, SSL_CTX_free), ssl_(nullptr, SSL_free) {}
  // Appends to received_; OutOfRange at the end.
  absl::Status Receive();

  int fd_ = -1;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  std::string received_;
};

}  // namespace vllm_router::test

#endif  // TESTS_SUPPORT_TLS_CLIENT_H_
