#include "tools/fake_engine/json_scan.h"

#include <gtest/gtest.h>

#include <string>

namespace vllm_router::fake_engine {
namespace {

BodyFacts Scan(std::string_view body, size_t piece = std::string_view::npos) {
  BodyFacts facts;
  JsonScan scan;
  scan.Begin(&facts);
  for (size_t at = 0; at < body.size(); at += std::min(piece, body.size() - at)) {
    // A copy of its own per piece, so that a view kept too long is found by the sanitizers.
    const std::string bytes(body.substr(at, piece));
    scan.Feed(bytes);
  }
  scan.Finish();
  return facts;
}

uint64_t HashOf(std::string_view prompt) {
  PromptHasher hasher;
  hasher.Update(prompt);
  return hasher.Hash();
}

constexpr std::string_view kMessages =
    R"([{"role":"user","content":"say \"model\": \"no\" \\"},{"content":[{"type":"text","text":"]}"}],"role":"tool"}])";
const std::string kChat =
    R"({"messages":)" + std::string(kMessages) +
    R"(,"model":"a\/b\"c", "max_tokens" : 12 ,"n":3,"ignore_eos":true,)"
    R"("stream_options":{"include_usage": true},"tools":[{"type":"function","function":)"
    R"({"parameters":{"properties":{"name":{"type":"string"}}},"name":"look"}}],)"
    R"("metadata":{"model":"nested","stream":false},"stream":true})";

TEST(JsonScan, TakesTheFactsHoweverTheBodyIsCut) {
  for (size_t piece = 1; piece <= kChat.size(); ++piece) {
    const BodyFacts facts = Scan(kChat, piece);
    ASSERT_TRUE(facts.well_formed) << piece;
    ASSERT_EQ(facts.model, "a/b\"c") << piece;
    ASSERT_EQ(facts.model_json, R"(a\/b\"c)") << piece;
    ASSERT_TRUE(facts.stream) << piece;
    ASSERT_TRUE(facts.include_usage) << piece;
    ASSERT_TRUE(facts.ignore_eos) << piece;
    ASSERT_EQ(facts.max_tokens, 12u) << piece;
    ASSERT_EQ(facts.n, 3u) << piece;
    ASSERT_EQ(facts.tool, "look") << piece;
    ASSERT_TRUE(facts.answers_tool) << piece;
    ASSERT_EQ(facts.messages.count, 2u) << piece;
    ASSERT_EQ(facts.prompt.bytes(), kMessages.size()) << piece;
    ASSERT_EQ(facts.prompt.Hash(), HashOf(kMessages)) << piece;
  }
}

TEST(JsonScan, OnlyTheOutermostKeysCount) {
  const BodyFacts facts =
      Scan(R"({"a":{"model":"x","stream":true},"b":["model","stream"],"c":"model"})");
  EXPECT_TRUE(facts.well_formed);
  EXPECT_FALSE(facts.model_given);
  EXPECT_FALSE(facts.stream);
}

TEST(JsonScan, CountsInputs) {
  const struct {
    std::string_view input;
    uint32_t count;
    char first;
  } cases[] = {
      {R"("one")", 1, '"'},       {R"(["a","b","c"])", 3, '"'},    {R"([1,2,3,4])", 4, '1'},
      {R"([[1,2],[3]])", 2, '['}, {R"([ "a, b" , "]" ])", 2, '"'}, {R"([])", 0, '['},
  };
  for (const auto& c : cases) {
    const BodyFacts facts =
        Scan(R"({"input":)" + std::string(c.input) + R"(,"documents":["x","y"]})");
    EXPECT_TRUE(facts.well_formed) << c.input;
    EXPECT_TRUE(facts.input.present) << c.input;
    EXPECT_EQ(facts.input.count, c.count) << c.input;
    EXPECT_EQ(facts.input.first, c.first) << c.input;
    EXPECT_EQ(facts.documents.count, 2u) << c.input;
  }
}

TEST(JsonScan, ReadsPlainValuesAtTheEndOfTheObject) {
  const BodyFacts facts = Scan("{ \"model\" : \"m\" ,\n \"max_completion_tokens\" : 7\n}\n");
  EXPECT_TRUE(facts.well_formed);
  EXPECT_EQ(facts.model, "m");
  EXPECT_EQ(facts.max_tokens, 7u);
}

TEST(JsonScan, ANullModelIsNoModel) {
  EXPECT_FALSE(Scan(R"({"model":null})").model_given);
  EXPECT_TRUE(Scan(R"({"model":5})").model_given);
  EXPECT_EQ(Scan(R"({"model":5})").model, "");
}

TEST(JsonScan, KnowsTheLastRole) {
  EXPECT_TRUE(
      Scan(R"({"messages":[{"role":"user"},{"role":"tool","content":"role"}]})").answers_tool);
  EXPECT_FALSE(
      Scan(R"({"messages":[{"role":"tool"},{"role":"user","content":"tool"}]})").answers_tool);
}

TEST(JsonScan, RefusesWhatIsNotOneWholeObject) {
  for (const std::string_view body :
       {"", "{", "[]", "5", "\"x\"", "{}}", "{} {}", "{\"a\":\"b}", "{\"a\":[}", "}", "{}x"}) {
    EXPECT_FALSE(Scan(body).well_formed) << body;
  }
  EXPECT_TRUE(Scan("  {}  ").well_formed);
}

TEST(JsonScan, TakesUpAgainInATail) {
  BodyFacts facts;
  JsonScan scan;
  scan.Begin(&facts);
  scan.Feed(R"({"messages":[{"role":"user","content":"AAAA)");
  scan.FinishWithTail(R"(AAAA\",\"model\":\"no"}],"model":"yes","n":2,"stream":true})");
  EXPECT_TRUE(facts.well_formed);
  EXPECT_EQ(facts.model, "yes");
  EXPECT_EQ(facts.n, 2u);
  EXPECT_TRUE(facts.stream);
  EXPECT_TRUE(facts.messages.present);
}

}  // namespace
}  // namespace vllm_router::fake_engine
