// Names that single backends give to their models: the body that goes out is that of the backend
// which is asked, attempt by attempt.
#include <string>

#include "tests/integration/gateway_stage.h"

namespace vllm_router::test {
namespace {

class BackendAlias : public GatewayTest {
 protected:
  // Engine 0 knows as "big\"1" what clients call "n"; engine 1 knows it as "n".
  void SetUp() override {
    AddEngine(WithModels({"big\"1"}));
    specs_[0].aliases = {{"n", "big\"1"}};
    AddEngine(WithModels({"n"}));
    Publish();
  }
  RecordedRequest Seen(size_t index) {
    const auto request = engine(index).WaitForRequest();
    EXPECT_TRUE(request.has_value());
    return request.value_or(RecordedRequest());
  }
};

TEST_F(BackendAlias, EachBackendIsAskedByItsOwnName) {
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Ask(Chat("", "n")).head.status, 200);
  const RecordedRequest renamed = Seen(0);
  EXPECT_EQ(renamed.body, ChatBody("big\\\"1"));
  EXPECT_EQ(renamed.Header("content-length"), std::to_string(renamed.body.size()));
  EXPECT_EQ(Seen(1).body, ChatBody("n"));
}

TEST_F(BackendAlias, AnotherAttemptCarriesTheNameOfTheOtherBackend) {
  for (const size_t failing : {size_t{0}, size_t{1}}) {
    engine(failing).SetFault({FaultKind::kResetBeforeHead});
    for (int i = 0; i < 2; ++i) EXPECT_EQ(Ask(Chat("", "n")).head.status, 200);
    EXPECT_EQ(Seen(failing).body, ChatBody(failing == 0 ? "big\\\"1" : "n"));
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(Seen(1 - failing).body, ChatBody(failing == 0 ? "n" : "big\\\"1"));
    }
    engine(failing).SetFault({});
  }
}

TEST_F(BackendAlias, TheEnginesOwnNameStaysAName) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(Chat("", "big\\\"1")).head.status, 200);
  EXPECT_EQ(engine(0).counters().requests, 3u);
  EXPECT_EQ(Seen(0).body, ChatBody("big\\\"1"));
}

TEST_F(BackendAlias, AnAliasOfTheRouterWinsAndMayLeadToOneOfABackend) {
  aliases_.emplace("n", fleet::Alias::To("other"));
  aliases_.emplace("global", fleet::Alias::To("n"));
  AddEngine(WithModels({"other"}));
  Publish();
  EXPECT_EQ(Ask(Chat("", "n")).head.status, 200);
  EXPECT_EQ(Seen(2).body, ChatBody("other"));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Ask(Chat("", "global")).head.status, 200);
  EXPECT_EQ(Seen(0).body, ChatBody("big\\\"1"));
  EXPECT_EQ(Seen(1).body, ChatBody("n"));
}

TEST_F(BackendAlias, AFormIsRenamedToo) {
  const std::string head =
      "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; "
      "boundary=X-y\r\nContent-Length: 73\r\n\r\n";
  const std::string form =
      "--X-y\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nn\r\n--X-y--\r\n123456";
  for (int i = 0; i < 2; ++i) EXPECT_LT(Ask(head + form).head.status, 500);
  EXPECT_THAT(Seen(0).body, HasSubstr("\r\n\r\nbig\"1\r\n--X-y--\r\n123456"));
  EXPECT_THAT(Seen(1).body, HasSubstr("\r\n\r\nn\r\n--X-y--\r\n123456"));
}

}  // namespace
}  // namespace vllm_router::test
