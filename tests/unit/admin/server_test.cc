#include "server/admin/server.h"

#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <string>

#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/admin/raw_call.h"
#include "tests/unit/admin/who_am_i.h"

namespace vllm_router::admin {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kService[] = "vllm_router.v1.RouterAdmin";
constexpr char kA[] = "8766b9cb08e6040b704f1e3ee1e186efccf2635b1d2634d6525333007e6aeae1";

std::shared_ptr<grpc::Channel> Channel(const std::string& address) {
  return grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
}
std::shared_ptr<grpc::Channel> Channel(const Server& server) {
  return Channel(server.addresses().at(0));
}

ServerOptions Loopback() {
  ServerOptions options;
  options.address = "127.0.0.1:0";
  return options;
}

TEST(AdminServer, PicksAPortAndServes) {
  WhoAmI service;
  Server server(Loopback());
  EXPECT_THAT(server.addresses(), ElementsAre());
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  EXPECT_THAT(server.addresses(),
              ElementsAre(AllOf(StartsWith("127.0.0.1:"), Not(HasSubstr(":0")))));
  EXPECT_EQ(Caller(Channel(server)), "anonymous");
}

TEST(AdminServer, TellsItsHealthUntilTheEnd) {
  WhoAmI service;
  Server server(Loopback());
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  const auto channel = Channel(server);
  EXPECT_EQ(Health(channel, ""), 1);
  EXPECT_EQ(Health(channel, kService), 1);
  EXPECT_EQ(Health(channel, "no.such.Service"), -1);
  server.SetServing(false);
  EXPECT_EQ(Health(channel, ""), 2);
  EXPECT_EQ(Health(channel, kService), 2);
  server.SetServing(true);
  EXPECT_EQ(Health(channel, kService), 1);
}

TEST(AdminServer, DescribesItself) {
  WhoAmI service;
  Server server(Loopback());
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  // list_services
  const RawAnswer services =
      RawCall(Channel(server), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              StringField(7, "*"));
  EXPECT_TRUE(services.status.ok()) << services.status.error_message();
  EXPECT_THAT(services.bytes, AllOf(HasSubstr(kService), HasSubstr("grpc.health.v1.Health")));
  // file_containing_symbol: the descriptors are there, too
  const RawAnswer file =
      RawCall(Channel(server), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              StringField(4, kService));
  EXPECT_THAT(file.bytes, HasSubstr("proto/router.proto"));
}

TEST(AdminServer, ShowsItsChannels) {
  Server server(Loopback());
  ASSERT_THAT(server.Start(), test_support::IsOk());
  const RawAnswer servers = RawCall(Channel(server), "/grpc.channelz.v1.Channelz/GetServers", "");
  EXPECT_TRUE(servers.status.ok()) << servers.status.error_message();
  EXPECT_FALSE(servers.bytes.empty());
}

TEST(AdminServer, KeepsChannelzFromStrangers) {
  WhoAmI service;
  ServerOptions options = Loopback();
  std::atomic<bool> allowed{false};
  options.may_use_channelz = [&](const grpc::ServerContextBase& call) {
    EXPECT_EQ(CredentialsOf(call).authorization.size(), 0u);
    return allowed.load();
  };
  Server server(options);
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  const auto channel = Channel(server);
  const RawAnswer refused = RawCall(channel, "/grpc.channelz.v1.Channelz/GetServers", "");
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(refused.bytes, "");
  EXPECT_EQ(Caller(channel), "anonymous");  // others pass
  EXPECT_EQ(Health(channel, ""), 1);
  allowed = true;
  EXPECT_TRUE(RawCall(channel, "/grpc.channelz.v1.Channelz/GetServers", "").status.ok());
}

TEST(AdminServer, IdentifiesCallersByToken) {
  auto roles = RoleFile::Parse("tokens", std::string("ann viewer ") + kA);
  ASSERT_THAT(roles, test_support::IsOk());
  WhoAmI service({false, *roles});
  Server server(Loopback());
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  const auto channel = Channel(server);
  EXPECT_EQ(Caller(channel, "Bearer secret-a"), "token:ann");
  EXPECT_THAT(Caller(channel), StartsWith("16 "));
  EXPECT_THAT(Caller(channel, "Bearer secret-b"),
              AllOf(StartsWith("16 "), Not(HasSubstr("secret-b"))));
}

TEST(AdminServer, HasLimitsForMessagesAndMetadata) {
  WhoAmI service;
  ServerOptions options = Loopback();
  options.max_receive_bytes = 1000;
  Server server(options);
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  const RawAnswer large = RawCall(Channel(server), std::string("/") + kService + "/GetServerInfo",
                                  std::string(2000, '\0'));
  EXPECT_EQ(large.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Caller(Channel(server), std::string(8 << 10, 'x')), "anonymous");
  EXPECT_THAT(Caller(Channel(server), std::string(20 << 10, 'x')), StartsWith("8 "));
}

TEST(AdminServer, SaysWhichAddressIsTakenInsteadOfSharingIt) {
  Server first(Loopback());
  ASSERT_THAT(first.Start(), test_support::IsOk());
  ServerOptions same;
  same.address = first.addresses().at(0);
  Server second(same);
  EXPECT_THAT(second.Start(), test_support::StatusIs(absl::StatusCode::kUnavailable,
                                                     HasSubstr("--admin-address " + same.address +
                                                               ": Address already in use")));
  EXPECT_EQ(Health(Channel(first), ""), 1);
}

TEST(AdminServer, RefusesToBeOpenToOthers) {
  ServerOptions open;
  open.address = "0.0.0.0:0";
  EXPECT_THAT(Server(open).Start(),
              test_support::StatusIs(absl::StatusCode::kFailedPrecondition,
                                     AllOf(HasSubstr("0.0.0.0:0"), HasSubstr("--admin-insecure"),
                                           HasSubstr("without TLS and authentication"))));
  open.token_authentication = true;  // tokens in the clear
  EXPECT_THAT(Server(open).Start(), test_support::StatusIs(absl::StatusCode::kFailedPrecondition,
                                                           HasSubstr("without TLS;")));
  open.insecure_ok = true;
  EXPECT_THAT(Server(open).Start(), test_support::IsOk());
}

TEST(AdminServer, CancelsWhatStillRunsAtTheDeadline) {
  WhoAmI service;
  Server server(Loopback());
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  const auto stub = v1::RouterAdmin::NewStub(Channel(server));
  grpc::ClientContext context;
  v1::GetConfigRequest request;
  v1::GetConfigResponse response;
  std::promise<grpc::Status> status;
  stub->async()->GetConfig(&context, &request, &response,
                           [&](grpc::Status s) { status.set_value(std::move(s)); });
  server.Shutdown(std::chrono::milliseconds(10));
  EXPECT_FALSE(status.get_future().get().ok());
  server.Shutdown(std::chrono::seconds(1));  // again: nothing
}

class UnixServerTest : public testing::Test {
 protected:
  UnixServerTest() : path_("/tmp/admin_" + std::to_string(::getpid()) + ".sock") {
    ::unlink(path_.c_str());
    options_.address = "unix:" + path_;
  }
  ~UnixServerTest() override { ::unlink(path_.c_str()); }

  const std::string path_;
  ServerOptions options_;
};

TEST_F(UnixServerTest, ServesOnAPrivateSocket) {
  WhoAmI service;
  Server server(options_);
  server.AddService(&service);
  ASSERT_THAT(server.Start(), test_support::IsOk());
  EXPECT_THAT(server.addresses(), ElementsAre("unix:" + path_));
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  EXPECT_EQ(Caller(Channel(server)), "anonymous");
}

TEST_F(UnixServerTest, TakesOverFromTheDeadButNotFromTheLiving) {
  // As a killed process leaves it.
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(fd);

  Server first(options_);
  ASSERT_THAT(first.Start(), test_support::IsOk());
  EXPECT_THAT(Server(options_).Start(),
              test_support::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(path_)));
  EXPECT_EQ(Health(Channel(first), ""), 1);
}

TEST_F(UnixServerTest, SaysWhyThePathCannotBeUsed) {
  options_.address = "unix:/nowhere/admin.sock";
  EXPECT_THAT(Server(options_).Start(),
              test_support::StatusIs(absl::StatusCode::kUnavailable,
                                     HasSubstr("unix:/nowhere/admin.sock: No such file")));
}

}  // namespace
}  // namespace vllm_router::admin
