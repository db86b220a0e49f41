#include <gtest/gtest.h>

#include <string>

#include "tools/fake_engine/dialect.h"

namespace vllm_router::fake_engine {
namespace {

std::string Word(uint64_t seed, uint32_t index) {
  std::string text(kTokenBytes, '?');
  WriteToken(seed, index, text.data());
  return text;
}

TEST(TokenTemplate, FillsItsPlacesInAChunkOfTheRightSize) {
  TokenTemplate token;
  token.Begin("delta");
  Append(token.json(), "{\"i\":");
  token.PlaceChoice(11);
  Append(token.json(), ",\"t\":\"");
  token.PlaceText();
  Append(token.json(), "\"}");
  token.End(false, true);
  const std::string event = "event: delta\ndata: {\"i\": 7,\"t\":\"" + Word(5, 3) + "\"}\n\n";
  std::string expected;
  AppendHex(&expected, event.size());
  Append(&expected, "\r\n", event, "\r\n");
  EXPECT_EQ(token.Fill(5, 3, 7, 0), expected);
  EXPECT_EQ(token.Fill(5, 3, 10, 0).substr(4 + 24, 2), "10");
}

TEST(TokenTemplate, StampsBehindTheLastMember) {
  TokenTemplate token;
  token.Begin("");
  Append(token.json(), "{\"t\":\"");
  token.PlaceText();
  Append(token.json(), "\"}");
  token.End(true, false);
  EXPECT_EQ(
      token.Fill(5, 41, 0, 123456789),
      "data: {\"t\":\"" + Word(5, 41) + "\",\"seq\":    41,\"sent_ns\":       123456789}\n\n");
}

TEST(TokenTemplate, PadsAnEventWithoutTouchingItsFraming) {
  TokenTemplate token;
  token.Begin("");
  Append(token.json(), "{\"t\":\"");
  token.PlaceText();
  Append(token.json(), "\"}");
  token.End(false, true);
  (void)token.Fill(1, 0, 0, 0);
  std::string out;
  token.AppendPadded(20, &out);
  const std::string event = "data: {\"t\":\"" + std::string(20, 'x') + "\"}\n\n";
  std::string expected;
  AppendHex(&expected, event.size());
  Append(&expected, "\r\n", event, "\r\n");
  EXPECT_EQ(out, expected);
}

TEST(PutNumber, RightAlignsAndKeepsTheLastDigits) {
  char text[] = "????";
  PutNumber(text, 4, 0);
  EXPECT_STREQ(text, "   0");
  PutNumber(text, 4, 1234);
  EXPECT_STREQ(text, "1234");
  PutNumber(text, 4, 98765);
  EXPECT_STREQ(text, "8765");
}

}  // namespace
}  // namespace vllm_router::fake_engine
