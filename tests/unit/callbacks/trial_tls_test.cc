#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>

#include <fstream>
#include <sstream>
#include <string>

#include "server/callbacks/trial.h"
#include "tests/support/self_signed.h"
#include "tests/unit/callbacks/scripted_service.h"

namespace vllm_router::callbacks {
namespace {

using test_support::SelfSigned;
using testing::HasSubstr;

std::string Content(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

// `client_ca` empty: clients need no certificate.
std::shared_ptr<grpc::ServerCredentials> Server(const SelfSigned& own,
                                                const std::string& client_ca = "") {
  grpc::SslServerCredentialsOptions options(
      client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                        : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_key_cert_pairs.push_back({Content(own.key), Content(own.certificate)});
  if (!client_ca.empty()) options.pem_root_certs = Content(client_ca);
  return grpc::SslServerCredentials(options);
}

v1::TestCallbackResponse TriedWith(const std::string& target, const v1::TlsSettings& tls) {
  v1::Callback callback = Registered(target);
  *callback.mutable_tls() = tls;
  return Tried(callback);
}

v1::TlsSettings Trusting(const SelfSigned& authority) {
  v1::TlsSettings tls;
  tls.set_ca_file(authority.certificate);
  return tls;
}

TEST(TrialTls, TrustsTheAuthorityOfTheRegistrationAlone) {
  const SelfSigned own("service");
  const SelfSigned other("other");
  ScriptedService service;
  const std::string target = service.Start("127.0.0.1:0", Server(own));
  const v1::TestCallbackResponse trusted = TriedWith(target, Trusting(own));
  EXPECT_TRUE(trusted.ok()) << trusted.message();
  EXPECT_EQ(TriedWith(target, Trusting(other)).grpc_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(TriedWith(target, {}).grpc_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(Tried(Registered(target)).ok());  // plain text
}

TEST(TrialTls, HoldsTheCertificateToTheName) {
  const SelfSigned own("service");
  ScriptedService service;
  const std::string target = service.Start("127.0.0.1:0", Server(own));
  v1::TlsSettings tls = Trusting(own);
  tls.set_server_name("localhost");
  EXPECT_TRUE(TriedWith(target, tls).ok());
  tls.set_server_name("other.example");
  EXPECT_EQ(TriedWith(target, tls).grpc_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(TrialTls, HoldsTheCertificateToTheHostThatWasResolved) {
  const SelfSigned own("service");
  ScriptedService service;
  const std::string target = service.Start("127.0.0.1:0", Server(own));
  const std::string port = target.substr(target.rfind(':'));
  TrialOptions options;
  options.resolve = [](const std::string&, uint16_t number) -> Addresses {
    return std::vector<net::Address>{*net::ParseIpLiteral("127.0.0.1", number)};
  };
  for (const auto& [host, ok] : {std::pair("localhost", true), std::pair("other", false)}) {
    v1::Callback callback = Registered(host + port);
    *callback.mutable_tls() = Trusting(own);
    EXPECT_EQ(Tried(callback, "", options).ok(), ok) << host;
  }
}

TEST(TrialTls, AcceptsAnyCertificateIfToldSo) {
  const SelfSigned own("service");
  ScriptedService service;
  v1::TlsSettings tls;
  tls.set_insecure_skip_verify(true);
  tls.set_server_name("other.example");
  const v1::TestCallbackResponse response =
      TriedWith(service.Start("127.0.0.1:0", Server(own)), tls);
  EXPECT_TRUE(response.ok()) << response.message();
}

TEST(TrialTls, ShowsItsOwnCertificate) {
  const SelfSigned own("service");
  const SelfSigned router("router");
  ScriptedService service;
  const std::string target = service.Start("127.0.0.1:0", Server(own, router.certificate));
  v1::TlsSettings tls = Trusting(own);
  EXPECT_FALSE(TriedWith(target, tls).ok());
  tls.set_cert_file(router.certificate);
  tls.set_key_file(router.key);
  const v1::TestCallbackResponse response = TriedWith(target, tls);
  EXPECT_TRUE(response.ok()) << response.message();
}

TEST(TrialTls, NamesTheFileThatIsNoGood) {
  const SelfSigned own("service");
  const SelfSigned other("other");
  const auto why = [](const v1::TlsSettings& tls) {
    const v1::TestCallbackResponse response = TriedWith("127.0.0.1:1", tls);
    EXPECT_EQ(response.grpc_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return response.message();
  };
  v1::TlsSettings tls;
  tls.set_ca_file("/nowhere/ca.pem");
  EXPECT_EQ(why(tls), "cannot use the CA file '/nowhere/ca.pem': No such file or directory");
  tls.set_ca_file("/dev/zero");
  EXPECT_EQ(why(tls), "cannot use the CA file '/dev/zero': not a file");
  tls.set_ca_file(own.key);  // holds no certificate
  EXPECT_THAT(why(tls), HasSubstr(own.key));

  tls = Trusting(own);
  tls.set_cert_file(own.certificate);
  tls.set_key_file(other.key);
  EXPECT_THAT(why(tls), HasSubstr(other.key));
}

}  // namespace
}  // namespace vllm_router::callbacks
