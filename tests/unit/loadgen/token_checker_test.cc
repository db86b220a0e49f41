#include "tools/loadgen/token_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vllm_router::loadgen {
namespace {

using ::testing::ElementsAre;

class Sink final : public TokenSink {
 public:
  void OnToken(std::optional<int64_t> sent_ns) override { sent.push_back(sent_ns.value_or(-1)); }
  std::vector<int64_t> sent;
};

std::string Stamped(int seq, int64_t sent_ns) {
  return R"(data: {"choices":[{"delta":{"content":"hi"}}],"seq":)" + std::to_string(seq) +
         R"(,"sent_ns":)" + std::to_string(sent_ns) + "}\n\n";
}

constexpr char kDone[] = "data: [DONE]\n\n";

TEST(TokenChecker, CountsStampedTokensInOrder) {
  TokenChecker checker;
  Sink sink;
  checker.Feed(Stamped(0, 100) + Stamped(1, 200) + kDone, sink);
  checker.Finish(2);
  EXPECT_EQ(checker.tokens(), 2u);
  EXPECT_EQ(checker.missing(), 0u);
  EXPECT_EQ(checker.reordered(), 0u);
  EXPECT_TRUE(checker.done());
  EXPECT_THAT(sink.sent, ElementsAre(100, 200));
}

TEST(TokenChecker, SeesTheSameHoweverTheBytesAreCut) {
  const std::string stream = ": hello\r\n\r\n" + Stamped(0, 7) + "data: [DONE]\r\n\r\n";
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    TokenChecker checker;
    Sink sink;
    checker.Feed(std::string_view(stream).substr(0, cut), sink);
    checker.Feed(std::string_view(stream).substr(cut), sink);
    EXPECT_THAT(sink.sent, ElementsAre(7)) << cut;
    EXPECT_TRUE(checker.done()) << cut;
  }
}

TEST(TokenChecker, SeesTokensThatAreMissing) {
  TokenChecker checker;
  Sink sink;
  checker.Feed(Stamped(1, 0) + Stamped(4, 0), sink);
  EXPECT_EQ(checker.missing(), 3u);  // 0, 2, 3
  checker.Finish(7);
  EXPECT_EQ(checker.missing(), 5u);  // 5, 6
}

TEST(TokenChecker, SeesTokensThatAreRepeatedOrLate) {
  TokenChecker checker;
  Sink sink;
  checker.Feed(Stamped(0, 0) + Stamped(0, 0) + Stamped(2, 0) + Stamped(1, 0), sink);
  EXPECT_EQ(checker.reordered(), 2u);
  EXPECT_EQ(checker.missing(), 1u);
  EXPECT_EQ(checker.tokens(), 4u);
}

TEST(TokenChecker, TakesEventsWithTextForTokensWhereNothingIsStamped) {
  TokenChecker checker;
  Sink sink;
  checker.Feed(
      "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
      "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
      "data: {\"choices\":[{\"text\": \"b\"}]}\n\n"
      "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
      "data: {\"choices\":[],\"usage\":{\"completion_tokens\":2}}\n\n",
      sink);
  checker.Finish(3);
  EXPECT_THAT(sink.sent, ElementsAre(-1, -1));
  EXPECT_EQ(checker.missing(), 1u);
  EXPECT_FALSE(checker.done());
}

TEST(TokenChecker, TellsAnErrorEventFromAToken) {
  TokenChecker checker;
  Sink sink;
  checker.Feed("data: {\"error\":{\"message\":\"engine died\",\"text\":\"x\"}}\n\n", sink);
  EXPECT_EQ(checker.error_events(), 1u);
  EXPECT_EQ(checker.tokens(), 0u);
}

TEST(TokenChecker, ForgetsEverythingOnReset) {
  TokenChecker checker;
  Sink sink;
  checker.Feed(Stamped(5, 0) + "data: {\"error\":1}\n\n" + kDone + "data: {\"half", sink);
  checker.Reset();
  checker.Feed(Stamped(0, 9), sink);
  EXPECT_EQ(checker.tokens(), 1u);
  EXPECT_EQ(checker.missing(), 0u);
  EXPECT_EQ(checker.error_events(), 0u);
  EXPECT_FALSE(checker.done());
}

}  // namespace
}  // namespace vllm_router::loadgen
