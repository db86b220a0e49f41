// TLS settings of single backends. The backend is a second router, which serves https in front of
// the engine.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/integration/gateway_stage.h"
#include "tests/support/self_signed.h"

namespace vllm_router::test {
namespace {

using test_support::SelfSigned;

class BackendTls : public GatewayTest {
 protected:
  BackendTls() {
    EXPECT_TRUE(engine_.Start().ok());
    secure_.emplace(std::vector<std::string>{
        "--static-backends", engine_.url(), "--static-models", "fake-model", "--tls-cert",
        server_.certificate, "--tls-key", server_.key, "--tls-client-ca", client_.certificate});
    EXPECT_TRUE(secure_->WaitUntilReady());
    AddBackend(absl::StrFormat("https://127.0.0.1:%d", secure_->port()), {"fake-model"});
    Use({.ca = server_.certificate, .certificate = client_.certificate, .key = client_.key});
  }
  void Use(const net::ClientTlsFiles& files) {
    specs_[0].tls = std::make_shared<net::TlsContext>(net::MakeClientTls(files).value());
  }
  int Status() { return Ask(Chat("", "fake-model")).head.status; }
  // Connections that the gateway has opened or keeps.
  uint64_t Open() {
    uint64_t open = 0;
    OnShard([&](gateway::ShardGateway& gateway) { open = gateway.connections().open(); });
    return open;
  }

  const SelfSigned server_{"server"};
  const SelfSigned client_{"client"};
  const SelfSigned stranger_{"stranger"};
  FakeEngine engine_{WithModels({"fake-model"})};
  std::optional<RouterProcess> secure_;
};

TEST_F(BackendTls, ABackendIsReachedUnderItsOwnSettings) {
  Publish();
  EXPECT_EQ(Status(), 200);
  EXPECT_EQ(Status(), 200);
  EXPECT_EQ(Open(), 1u);
}

TEST_F(BackendTls, TheCommonSettingsDoNotKnowIt) {
  specs_[0].tls = nullptr;
  Publish();
  EXPECT_EQ(Status(), 502);
}

TEST_F(BackendTls, AnotherAuthorityIsNotTrusted) {
  Use({.ca = stranger_.certificate, .certificate = client_.certificate, .key = client_.key});
  Publish();
  EXPECT_EQ(Status(), 502);
}

TEST_F(BackendTls, TheServerNameIsTheOneThatIsChecked) {
  specs_[0].tls_server_name = "localhost";
  Publish();
  EXPECT_EQ(Status(), 200);
  specs_[0].tls_server_name = "engine.example";
  Publish();
  EXPECT_EQ(Status(), 502);
}

TEST_F(BackendTls, VerificationCanBeSkipped) {
  specs_[0].tls_server_name = "engine.example";
  Use({.ca = stranger_.certificate,
       .certificate = client_.certificate,
       .key = client_.key,
       .insecure_skip_verify = true});
  Publish();
  EXPECT_EQ(Status(), 200);
}

TEST_F(BackendTls, KeptConnectionsDoNotOutliveTheSettings) {
  Publish();
  EXPECT_EQ(Status(), 200);
  Use({.ca = stranger_.certificate, .certificate = client_.certificate, .key = client_.key});
  Publish();
  EXPECT_EQ(Status(), 502);
}

}  // namespace
}  // namespace vllm_router::test
