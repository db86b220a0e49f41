// RouterTest with the admin API: a router that serves it on a port of its own, and a client of it.
//
//   TEST_F(AdminTest, Example) {
//     AddEngine();
//     StartAdmin();
//     ASSERT_TRUE(Apply(R"(mutations { update_limits { max_headers: 50 } })").ok());
//   }
#ifndef TESTS_INTEGRATION_ADMIN_STAGE_H_
#define TESTS_INTEGRATION_ADMIN_STAGE_H_

#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/text_format.h"
#include "tests/integration/router_test.h"
#include "tests/support/eventually.h"
#include "vllm_router/client.h"

namespace vllm_router::test {

using test_support::Eventually;

template <typename Message>
Message Proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

class AdminTest : public RouterTest {
 protected:
  // Starts the router with the engines that were added, and connects.
  void StartAdmin(std::vector<std::string> flags = {}) {
    flags.insert(flags.end(), {"--admin-address", "127.0.0.1:0"});
    StartRouter(std::move(flags));
    client_ = Connected({});
  }
  // Where the admin service of the running router listens: "127.0.0.1:40123".
  std::string AdminAddress() {
    const auto line = router().WaitForLog("Admin service listens on ");
    if (!line) return "";
    const size_t begin = line->find(" on ") + 4;
    return line->substr(begin, line->find(' ', begin) - begin);
  }
  std::unique_ptr<Client> Connected(ClientOptions options) {
    options.address = AdminAddress();
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(options);
    EXPECT_TRUE(client.ok()) << client.status();
    return client.ok() ? *std::move(client) : nullptr;
  }
  Client& admin() { return *client_; }

  absl::StatusOr<v1::ApplyConfigResponse> Apply(const std::string& request) {
    return admin().ApplyConfig(Proto<v1::ApplyConfigRequest>(request));
  }
  uint64_t Generation() {
    const auto info = admin().GetServerInfo({});
    EXPECT_TRUE(info.ok()) << info.status();
    return info.ok() ? info->generation() : 0;
  }
  // "backends/{id}" of the n-th backend of the configuration.
  std::string BackendName(int index) {
    const auto config = admin().GetConfig({});
    EXPECT_TRUE(config.ok()) << config.status();
    if (!config.ok() || config->config().backends_size() <= index) return "";
    return config->config().backends(index).name();
  }
  // Changes the limits that the text sets: "max_headers: 50".
  void SetLimits(const std::string& limits) {
    const auto updated =
        admin().UpdateLimits(Proto<v1::UpdateLimitsRequest>("limits { " + limits + " }"));
    ASSERT_TRUE(updated.ok()) << updated.status();
  }
  // A mutation that adds an engine which the router does not know yet.
  static std::string AddBackend(const FakeEngine& engine, const std::string& id,
                                const std::string& model = "m") {
    return R"(mutations { upsert_backend { name: "backends/)" + id + R"(" url: ")" + engine.url() +
           R"(" models { model: ")" + model + R"(" } } } )";
  }
  bool WaitUntilGone(const std::string& name) {
    return Eventually([&] {
      v1::GetBackendRequest request;
      request.set_name(name);
      return ErrorReason(admin().GetBackend(request).status()) == "BACKEND_NOT_FOUND";
    });
  }

  std::unique_ptr<Client> client_;
};

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_ADMIN_STAGE_H_
