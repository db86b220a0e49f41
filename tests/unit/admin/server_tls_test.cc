// TLS, client certificates and their renewal, over real connections.
#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "server/admin/server.h"
#include "tests/support/self_signed.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/admin/who_am_i.h"

namespace vllm_router::admin {
namespace {

using test_support::SelfSigned;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// In one step, as whoever renews a certificate should.
void Replace(const std::string& path, const std::string& by) {
  std::filesystem::copy_file(by, path + ".new", std::filesystem::copy_options::overwrite_existing);
  std::filesystem::rename(path + ".new", path);
}

// A channel of its own for each call, with quick attempts to connect again.
std::shared_ptr<grpc::Channel> Channel(const Server& server, const SelfSigned& trusted,
                                       const SelfSigned* shown = nullptr) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = Content(trusted.certificate);
  if (shown != nullptr) {
    tls.pem_cert_chain = Content(shown->certificate);
    tls.pem_private_key = Content(shown->key);
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  return grpc::CreateCustomChannel(server.addresses().at(0), grpc::SslCredentials(tls), arguments);
}

ServerOptions Tls(const SelfSigned& own, const std::string& client_ca = "") {
  ServerOptions options;
  options.address = "127.0.0.1:0";
  options.tls = {own.certificate, own.key, client_ca};
  return options;
}

TEST(AdminServerTls, ServesWithTheCertificateOfTheFiles) {
  const SelfSigned own("server");
  const SelfSigned other("other");
  WhoAmI service;
  Server server(Tls(own));
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  EXPECT_EQ(Caller(Channel(server, own)), "anonymous");
  EXPECT_THAT(Caller(Channel(server, other)), StartsWith("14 "));
}

TEST(AdminServerTls, AsksForACertificateOfTheClientCa) {
  const SelfSigned own("server");
  const SelfSigned client("client");
  const SelfSigned stranger("stranger");
  WhoAmI service({true, nullptr});
  Server server(Tls(own, client.certificate));
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  // The DNS name of the test certificates comes before their IP address.
  EXPECT_EQ(Caller(Channel(server, own, &client)), "san:localhost");
  EXPECT_THAT(Caller(Channel(server, own, &stranger)), StartsWith("14 "));
  EXPECT_THAT(Caller(Channel(server, own)), StartsWith("14 "));
}

TEST(AdminServerTls, TakesRolesFromTheCertificatesNames) {
  const SelfSigned own("server");
  const SelfSigned client("client");
  auto roles = RoleFile::Parse("tokens", "san:127.0.0.1 viewer");
  ASSERT_THAT(roles, test_support::IsOk());
  WhoAmI service({true, *roles});
  Server server(Tls(own, client.certificate));
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  EXPECT_EQ(Caller(Channel(server, own, &client)), "san:127.0.0.1");
}

TEST(AdminServerTls, TakesRenewedFilesIntoUseWhileItRuns) {
  const SelfSigned own("server");
  const SelfSigned client("client");
  const SelfSigned renewed("renewed");
  const SelfSigned new_client("new_client");
  WhoAmI service({true, nullptr});
  Server server(Tls(own, client.certificate));
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  const auto before = Channel(server, own, &client);
  EXPECT_EQ(Caller(before), "san:localhost");

  // The key first: until the certificate follows, the two do not fit.
  Replace(own.key, renewed.key);
  Replace(own.certificate, renewed.certificate);
  EXPECT_EQ(Caller(Channel(server, renewed, &client), "", /*wait_for_ready=*/true),
            "san:localhost");
  Replace(client.certificate, new_client.certificate);
  EXPECT_EQ(Caller(Channel(server, renewed, &new_client), "", /*wait_for_ready=*/true),
            "san:localhost");
  EXPECT_EQ(Caller(before), "san:localhost");  // connections outlive their certificates
}

TEST(AdminServerTls, KeepsTheCertificateWhileItsFilesAreNoGood) {
  const SelfSigned own("server");
  const SelfSigned client("client");
  const SelfSigned new_client("new_client");
  WhoAmI service({true, nullptr});
  Server server(Tls(own, client.certificate));
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  std::filesystem::remove(own.key);
  // Once the new client is let in the server has looked at all files again.
  Replace(client.certificate, new_client.certificate);
  EXPECT_EQ(Caller(Channel(server, own, &new_client), "", /*wait_for_ready=*/true),
            "san:localhost");
}

TEST(AdminServerTls, NamesTheFileThatIsNoGood) {
  const SelfSigned own("server");
  const SelfSigned other("other");
  ServerOptions missing = Tls(own);
  missing.tls.certificate = "/nowhere/cert.pem";
  EXPECT_THAT(Server(missing).Start(), test_support::StatusIs(absl::StatusCode::kInvalidArgument,
                                                              HasSubstr("/nowhere/cert.pem")));
  ServerOptions mixed = Tls(own);
  mixed.tls.key = other.key;
  EXPECT_THAT(Server(mixed).Start(),
              test_support::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(other.key)));
  ServerOptions no_certificate = Tls(own);
  no_certificate.tls.certificate = "";
  EXPECT_THAT(
      Server(no_certificate).Start(),
      test_support::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no certificate")));
}

TEST(AdminServerTls, MayListenForOthersWithTlsAndAuthentication) {
  const SelfSigned own("server");
  ServerOptions options = Tls(own, own.certificate);
  options.address = "0.0.0.0:0";
  EXPECT_THAT(Server(options).Start(), test_support::IsOk());
  options.tls.client_ca = "";
  EXPECT_THAT(Server(options).Start(),
              test_support::StatusIs(absl::StatusCode::kFailedPrecondition,
                                     HasSubstr("without authentication;")));
}

}  // namespace
}  // namespace vllm_router::admin
