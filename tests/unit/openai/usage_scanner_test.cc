#include "server/openai/usage_scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vllm_router::openai {
namespace {

using Tokens = std::pair<std::optional<uint64_t>, std::optional<uint64_t>>;

using Of = UsageScanner::Of;

Tokens Scan(std::string_view text, size_t piece = 1 << 20, Of what = Of::kEvents) {
  UsageScanner scanner(what);
  for (size_t at = 0; at < text.size(); at += piece) {
    // A copy without a byte behind it, so that a sanitizer sees who reads too far.
    const std::string_view part = text.substr(at, piece);
    const std::vector<char> exact(part.begin(), part.end());
    scanner.Feed({exact.data(), exact.size()});
  }
  return {scanner.input_tokens(), scanner.output_tokens()};
}

constexpr std::string_view kChat =
    R"({"id":"c","choices":[{"message":{"content":"the \"usage\":{\"prompt_tokens\":5}"}}],)"
    R"("usage":{"prompt_tokens":9,"total_tokens":21,"completion_tokens":12,)"
    R"("prompt_tokens_details":{"cached_tokens":4,"prompt_tokens":77}},"prompt_logprobs":null})";

TEST(UsageScannerTest, ReadsTheNumbersWhereverTheBytesAreCut) {
  for (size_t piece = 1; piece <= kChat.size(); ++piece) {
    EXPECT_EQ(Scan(kChat, piece), Tokens(9, 12)) << piece;
    EXPECT_EQ(Scan(kChat, piece, Of::kDocument), Tokens(9, 12)) << piece;
  }
}

TEST(UsageScannerTest, FindsItWhereverItStands) {
  const std::string odd = R"("usages" "uranga" laughing, enough "u" usage "usag)";
  for (size_t before = 0; before < 150; ++before) {
    const std::string filler = std::string(before, 'u') + odd;
    const std::string usage = R"("usage":{"prompt_tokens":9})";
    for (const Of what : {Of::kEvents, Of::kDocument}) {
      EXPECT_EQ(Scan(filler + usage, 1 << 20, what), Tokens(9, std::nullopt)) << filler;
      EXPECT_EQ(Scan(usage + "}" + filler, 1 << 20, what), Tokens(9, std::nullopt)) << filler;
      EXPECT_EQ(Scan(filler, 1 << 20, what), Tokens()) << filler;
    }
  }
}

TEST(UsageScannerTest, WordsBehindTheUsageOfADocumentAreNotTakenForIt) {
  const std::string document =
      R"({"usage":{"prompt_tokens":9,"completion_tokens":12},)"
      R"("prompt_logprobs":[{"7":{"decoded_token":"usage"}},{"usage" : null}, "usage"]})";
  for (size_t piece = 1; piece <= document.size(); ++piece) {
    EXPECT_EQ(Scan(document, piece, Of::kDocument), Tokens(9, 12)) << piece;
  }
}

TEST(UsageScannerTest, KnowsTheNamesOfAllDialects) {
  EXPECT_EQ(Scan(R"({"usage":{"input_tokens":3,"output_tokens":4}})"), Tokens(3, 4));
  EXPECT_EQ(Scan(R"({"object":"list","data":[],"usage":{"prompt_tokens":8,"total_tokens":8}})"),
            Tokens(8, std::nullopt));
  EXPECT_EQ(Scan("{\"usage\" :\n { \"completion_tokens\" : 7 } }"), Tokens(std::nullopt, 7));
}

TEST(UsageScannerTest, OfSeveralTheLastOfEachKindCounts) {
  EXPECT_EQ(Scan("event: message_start\n"
                 R"(data: {"message":{"usage":{"input_tokens":9,"output_tokens":1}}})"
                 "\n\nevent: message_delta\n"
                 R"(data: {"usage":{"output_tokens":20}})"
                 "\n\n"),
            Tokens(9, 20));
}

TEST(UsageScannerTest, NamesThatOnlyBeginLikeKnownOnesAreOthers) {
  EXPECT_EQ(Scan(R"({"usage":{"prompt_tokens_details":7,"prompt_token":8,"prompt_tokenz":6,)"
                 R"("prompt_tokens\":":5,"output_tokens ":4,"completion_tokens":3}})"),
            Tokens(std::nullopt, 3));
  EXPECT_EQ(Scan(R"({"usage":{"prompt_tokens" :1,"completion_tokens": 2}})"), Tokens(1, 2));
  EXPECT_EQ(Scan(R"({"usage":{"x":{"prompt_tokens":1},"completion_tokens":2}})"),
            Tokens(std::nullopt, 2));
}

TEST(UsageScannerTest, NothingSaidIsNothingRead) {
  EXPECT_EQ(Scan(R"({"choices":[],"usage":null})"), Tokens());
  EXPECT_EQ(Scan(R"({"usage":"prompt_tokens"})"), Tokens());
  EXPECT_EQ(Scan(R"({"usage":{"details":{"prompt_tokens":5}}})"), Tokens());
  EXPECT_EQ(Scan(R"(["usage",{"prompt_tokens":5}])"), Tokens());
  EXPECT_EQ(Scan(R"({"reusage":{"prompt_tokens":5}})"), Tokens());
  EXPECT_EQ(Scan(""), Tokens());
}

TEST(UsageScannerTest, PassesOverWhatIsOddInsideOfIt) {
  EXPECT_EQ(Scan(R"({"usage":{"tier":"a\"}{","list":[1,{"x":2}],"prompt_tokens":6,)"
                 R"("output_tokens":2.5,"completion_tokens":-1}})"),
            Tokens(6, 2))
      << "of a fraction the whole part, of less than nothing nothing";
  EXPECT_EQ(Scan("{\"usage\":" + std::string(300, '{') + "\"prompt_tokens\":1"), Tokens());
  EXPECT_EQ(Scan(R"({"usage":{"prompt_tokens":99999999999999999999999}})").second, std::nullopt);
}

}  // namespace
}  // namespace vllm_router::openai
