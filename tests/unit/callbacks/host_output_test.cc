#include "server/callbacks/host_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vllm_router::callbacks {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HostOutputTest : public ::testing::Test {
 protected:
  std::vector<std::string> Add(std::string_view bytes) {
    std::vector<std::string> lines;
    output_.Add(bytes, [&](std::string_view line) { lines.emplace_back(line); });
    return lines;
  }
  std::vector<std::string> End() {
    std::vector<std::string> lines;
    output_.End([&](std::string_view line) { lines.emplace_back(line); });
    return lines;
  }

  HostOutput output_;
};

TEST_F(HostOutputTest, PutsLinesTogether) {
  EXPECT_THAT(Add("one\ntw"), ElementsAre("one"));
  EXPECT_THAT(Add("o\n\nthree\r\nfour"), ElementsAre("two", "three"));
  EXPECT_THAT(Add(""), IsEmpty());
  EXPECT_THAT(End(), ElementsAre("four"));
  EXPECT_THAT(End(), IsEmpty());
}

TEST_F(HostOutputTest, BoundsALineHoweverItComes) {
  const std::string most(HostOutput::kMaxLineBytes, 'x');
  EXPECT_THAT(Add(most + "\n"), ElementsAre(most));
  EXPECT_THAT(Add(most + "yz\nnext\n"), ElementsAre(most + "... (2 more bytes)", "next"));
  for (int i = 0; i < 1000; ++i) EXPECT_THAT(Add(most), IsEmpty());
  EXPECT_THAT(Add("\n"), ElementsAre(most + "... (2045952 more bytes)"));
}

TEST(ForLog, EscapesWhatCouldConfuseAndNothingElse) {
  EXPECT_EQ(ForLog("  File \"/app/my.py\", line 5, in 'f' \\ é"),
            "  File \"/app/my.py\", line 5, in 'f' \\ é");
  EXPECT_EQ(ForLog("a\tb\rc\x1b[2J\x7f"), "a\\tb\\rc\\x1b[2J\\x7f");
  EXPECT_EQ(ForLog("\"\xff\"\xe2\x80\xa8"), "\"\\xff\"\\xe2\\x80\\xa8");
  EXPECT_EQ(ForLog(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(ForLog(""), "");
}

}  // namespace
}  // namespace vllm_router::callbacks
