// The router as its configuration file says.
#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"
#include "tests/support/replaced_file.h"

namespace vllm_router::test {
namespace {

class ConfigFile : public RouterTest {
 protected:
  ReplacedFile file_{"config"};
};

TEST_F(ConfigFile, IsEnoughToStartWith) {
  FakeEngine& llama = AddEngine(WithModels({"llama"}));
  file_.Write(
      absl::StrFormat("host: 127.0.0.1\nport: 0\nservice_discovery: static\n"
                      "routing_logic: roundrobin\ndrain_delay_seconds: 0\nadmin_address: \"\"\n"
                      "static_models:\n  llama:\n    static_backends: [%s]\n"
                      "static_aliases: {gpt-4: llama}\n",
                      llama.url()));
  RouterProcess router({"--dynamic-config-yaml", file_.path()}, /*defaults=*/false);
  ASSERT_TRUE(router.WaitUntilReady());
  for (const std::string model : {"llama", "gpt-4"}) {
    TestClient client(router.port(), {});
    EXPECT_EQ(client.Send(Chat("", model)).Response().head.status, 200) << model;
  }
  EXPECT_EQ(llama.counters().requests_begun, 2u);
  EXPECT_TRUE(router.AllInFlightZero());
  router.Signal(SIGTERM);
  EXPECT_EQ(router.WaitForExit(), 0);
}

TEST_F(ConfigFile, StopsTheStartWhenItIsWrong) {
  file_.Write("{\"routing_logic\": \"roundrobin\",\n \"static_backend\": \"http://a:1\"}");
  RouterProcess router({"--dynamic-config-json", file_.path()});
  EXPECT_EQ(router.WaitForExit(), 2);
  EXPECT_EQ(router.ErrorLog(),
            std::vector{absl::StrFormat("vllm-router: %s:2:2: the key 'static_backend' is unknown: "
                                        "did you mean static_backends?",
                                        file_.path())});
}

}  // namespace
}  // namespace vllm_router::test
