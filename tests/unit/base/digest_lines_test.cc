#include "server/base/digest_lines.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vllm_router::base {
namespace {

using ::testing::ElementsAre;

TEST(WordLines, LeavesOutWhatSaysNothingAndKeepsTheNumbers) {
  const auto lines = WordLines("# a comment\n\n a\tb  c \r\n   # another\n \t\r\nd");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].number, 3);
  EXPECT_THAT(lines[0].words, ElementsAre("a", "b", "c"));
  EXPECT_EQ(lines[1].number, 6);
  EXPECT_THAT(lines[1].words, ElementsAre("d"));
  EXPECT_TRUE(WordLines("").empty());
  EXPECT_TRUE(WordLines("\n\n").empty());
}

TEST(Digest, IsReadFromHexInEitherCase) {
  // Of "abc", FIPS 180-2 B.1.
  const std::string hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(ParseDigest(hex), Sha256("abc"));
  std::string upper = hex;
  for (char& c : upper) c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
  EXPECT_EQ(ParseDigest(upper), Sha256("abc"));
  EXPECT_EQ(ParseDigest(hex.substr(1)), std::nullopt);
  EXPECT_EQ(ParseDigest(hex + "0"), std::nullopt);
  EXPECT_EQ(ParseDigest("g" + hex.substr(1)), std::nullopt);
  EXPECT_EQ(ParseDigest(""), std::nullopt);
}

}  // namespace
}  // namespace vllm_router::base
