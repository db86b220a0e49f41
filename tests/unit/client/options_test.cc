// What Client::Create accepts, and what goes with every call.
#include <unistd.h>

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_admin.h"
#include "tests/support/self_signed.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/make_client.h"
#include "tests/unit/client/slow_link.h"
#include "vllm_router/client.h"

namespace vllm_router {
namespace {

using test_support::FakeAdmin;
using test_support::IsOk;
using test_support::SelfSigned;
using test_support::StatusIs;
using ::testing::HasSubstr;

TEST(Options, SendTheToken) {
  FakeAdmin admin;
  admin.Answer("GetConfig", v1::GetConfigResponse());
  ClientOptions options = QuickOptions(admin.address());
  options.bearer_token = "secret";
  ASSERT_THAT((*Client::Create(options))->GetConfig({}), IsOk());
  EXPECT_EQ(admin.Metadata("authorization"), "Bearer secret");
}

TEST(Options, ReadTheTokenFileForEveryCall) {
  const std::string path = testing::TempDir() + "/token_" + std::to_string(::getpid());
  std::ofstream(path) << "one\n";
  FakeAdmin admin;
  admin.Answer("GetConfig", v1::GetConfigResponse());
  ClientOptions options = QuickOptions(admin.address());
  options.bearer_token_file = path;
  const auto client = Client::Create(options);
  ASSERT_THAT(client, IsOk());
  ASSERT_THAT((*client)->GetConfig({}), IsOk());
  EXPECT_EQ(admin.Metadata("authorization"), "Bearer one");

  std::ofstream(path) << "two\n";
  ASSERT_THAT((*client)->GetConfig({}), IsOk());
  EXPECT_EQ(admin.Metadata("authorization"), "Bearer two");
  ::unlink(path.c_str());
  EXPECT_THAT((*client)->GetConfig({}), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
}

TEST(Options, KeepATokenOffThePlainNetwork) {
  ClientOptions options;
  options.bearer_token = "secret";
  for (const char* address : {"router.example:50051", "10.0.0.1:50051", "[2001:db8::1]:50051"}) {
    options.address = address;
    EXPECT_THAT(Client::Create(options),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("plain text")));
  }
  for (const char* address : {"localhost:1", "127.0.0.2:1", "[::1]:1", "unix:/run/router"}) {
    options.address = address;
    EXPECT_THAT(Client::Create(options), IsOk()) << address;
  }
  options.address = "router.example:50051";
  options.token_in_plain_text = true;
  EXPECT_THAT(Client::Create(options), IsOk());
}

TEST(Options, NameAFileThatCannotBeRead) {
  ClientOptions options;
  options.tls =
      TlsOptions{.ca_file = "/no/such/ca.pem", .cert_file = {}, .key_file = {}, .server_name = {}};
  EXPECT_THAT(Client::Create(options),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/ca.pem")));
}

TEST(Options, WantACertificateTogetherWithItsKey) {
  ClientOptions options;
  options.tls.emplace().cert_file = "cert.pem";
  EXPECT_THAT(Client::Create(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("key")));
}

TEST(Options, ReachARouterThatIsFarAway) {
  FakeAdmin admin;
  admin.Answer("GetConfig", v1::GetConfigResponse());
  const test_support::SlowLink link(admin.address(), 300);
  ClientOptions options;
  options.address = link.address();
  options.retry.max_attempts = 1;
  EXPECT_THAT((*Client::Create(options))->GetConfig({}), IsOk());
}

TEST(Options, SpeakTls) {
  const SelfSigned identity("localhost");
  FakeAdmin admin(identity.certificate, identity.key);
  admin.Answer("GetConfig", v1::GetConfigResponse());
  ClientOptions options = QuickOptions(admin.address());
  options.tls.emplace().ca_file = identity.certificate;
  EXPECT_THAT((*Client::Create(options))->GetConfig({}), IsOk());
}

TEST(Options, DoNotTrustAnotherAuthority) {
  const SelfSigned identity("localhost");
  const SelfSigned other("other");
  FakeAdmin admin(identity.certificate, identity.key);
  ClientOptions options = QuickOptions(admin.address());
  options.tls.emplace().ca_file = other.certificate;
  EXPECT_THAT((*Client::Create(options))->GetConfig({}), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace vllm_router
