#include "tools/fake_engine/tokens.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tools/fake_engine/prompt_hash.h"

namespace vllm_router::fake_engine {
namespace {

std::string Token(uint64_t seed, uint32_t index) {
  std::string text(kTokenBytes, '?');
  WriteToken(seed, index, text.data());
  return text;
}

TEST(Tokens, EveryTokenIsAWordOfFiveBytes) {
  for (uint32_t i = 1; i < 200; ++i) {
    const std::string token = Token(7, i);
    EXPECT_EQ(token[0], ' ');
    for (const char c : token.substr(1)) EXPECT_TRUE(c >= 'a' && c <= 'z') << token;
  }
  EXPECT_TRUE(Token(7, 0)[0] >= 'A' && Token(7, 0)[0] <= 'Z');
}

TEST(Tokens, DependOnModelPromptChoiceAndPlaceAlone) {
  const std::string text = PredictAnswer("m", "[1]", 50);
  EXPECT_EQ(text, PredictAnswer("m", "[1]", 50));
  EXPECT_EQ(text.substr(0, 10 * kTokenBytes), PredictAnswer("m", "[1]", 10));
  EXPECT_NE(text, PredictAnswer("n", "[1]", 50));
  EXPECT_NE(text, PredictAnswer("m", "[2]", 50));
  EXPECT_NE(text, PredictAnswer("m", "[1]", 50, 1));
}

TEST(Tokens, AnAnswerHardlyRepeatsItself) {
  std::set<std::string> seen;
  for (uint32_t i = 1; i <= 100; ++i) seen.insert(Token(1, i));
  EXPECT_GT(seen.size(), 90u);
}

TEST(Tokens, APromptCountsATokenPerFourBytesBegun) {
  EXPECT_EQ(PromptTokens(0), 0u);
  EXPECT_EQ(PromptTokens(1), 1u);
  EXPECT_EQ(PromptTokens(4), 1u);
  EXPECT_EQ(PromptTokens(5), 2u);
}

TEST(PromptHasher, IsTheSameHoweverThePromptIsCut) {
  std::string prompt;
  for (int i = 0; i < 300; ++i) prompt += static_cast<char>('a' + i % 23);
  PromptHasher whole;
  whole.Update(prompt);
  for (const size_t piece : {1u, 3u, 63u, 64u, 65u, 128u}) {
    PromptHasher pieces;
    for (size_t at = 0; at < prompt.size(); at += piece) pieces.Update(prompt.substr(at, piece));
    EXPECT_EQ(pieces.Hash(), whole.Hash()) << piece;
    EXPECT_EQ(pieces.blocks(), whole.blocks()) << piece;
  }
  EXPECT_EQ(whole.bytes(), 300u);
  EXPECT_EQ(whole.blocks().size(), 300 / kBlockBytes);
}

TEST(PromptHasher, ABlockStandsForEverythingUpToItsEnd) {
  const std::string block(kBlockBytes, 'x');
  PromptHasher one, two;
  one.Update("y" + block.substr(1) + block);
  two.Update("z" + block.substr(1) + block);
  EXPECT_NE(one.blocks()[0], two.blocks()[0]);
  EXPECT_NE(one.blocks()[1], two.blocks()[1]);
  PromptHasher repeated;
  repeated.Update(block + block);
  EXPECT_NE(repeated.blocks()[0], repeated.blocks()[1]);
}

TEST(PromptHasher, ResetForgetsEverything) {
  PromptHasher used, fresh;
  used.Update("something longer than nothing");
  used.Reset();
  used.Update("prompt");
  fresh.Update("prompt");
  EXPECT_EQ(used.Hash(), fresh.Hash());
}

}  // namespace
}  // namespace vllm_router::fake_engine
