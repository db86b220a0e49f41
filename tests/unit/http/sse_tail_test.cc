#include "server/http/sse_tail.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace vllm_router::http {
namespace {

std::string Separator(const std::vector<std::string>& pieces) {
  SseTail tail;
  for (const std::string& piece : pieces) tail.Feed(piece);
  return std::string(tail.SeparatorBeforeEvent());
}

TEST(SseTail, IsAtABoundaryBeforeTheFirstByte) {
  EXPECT_EQ(Separator({}), "");
  EXPECT_EQ(Separator({""}), "");
}

TEST(SseTail, TellsWhatEndsAHalfSentEvent) {
  EXPECT_EQ(Separator({"data: a\n\n"}), "");
  EXPECT_EQ(Separator({"data: a\n"}), "\n");
  EXPECT_EQ(Separator({": ping\n"}), "\n");
  EXPECT_EQ(Separator({"data: {\"a"}), "\n\n");
  EXPECT_EQ(Separator({"d"}), "\n\n");
  EXPECT_EQ(Separator({"data: a\r\n"}), "\n");
  EXPECT_EQ(Separator({"data: a\r"}), "\n\n") << "a single LF would belong to the CR";
  EXPECT_EQ(Separator({"data: a\r\n\r"}), "");
  EXPECT_EQ(Separator({"data: a\r\n\r\n"}), "");
  EXPECT_EQ(Separator({"data: a\n\r\n"}), "");
  EXPECT_EQ(Separator({"data: a\r\r"}), "");
}

TEST(SseTail, KnowsThatAnEmptyLineAtTheStartEndsNothing) {
  for (const char* text : {"\n", "\r", "\r\n", "\n\n", "\r\n\r\n"}) {
    EXPECT_EQ(Separator({text}), "") << testing::PrintToString(text);
  }
}

TEST(SseTail, SeparatorLeavesNothingOpen) {
  const std::string stream =
      ": hi\r\ndata: a\r\n\r\nevent: x\ndata: b\n\ndata: c\r\rdata: d\rid: 1\r";
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    SseTail tail;
    tail.Feed(stream.substr(0, cut));
    tail.Feed(std::string(tail.SeparatorBeforeEvent()));
    EXPECT_EQ(tail.SeparatorBeforeEvent(), "") << cut;
  }
}

void ExpectCutsGiveTheSameResult(const std::string& stream) {
  const std::string whole = Separator({stream});
  std::vector<std::string> bytes;
  for (size_t first = 0; first < stream.size(); ++first) {
    bytes.push_back(stream.substr(first, 1));
    for (size_t second = first; second <= stream.size(); ++second) {
      ASSERT_EQ(Separator({stream.substr(0, first), stream.substr(first, second - first),
                           stream.substr(second)}),
                whole)
          << first << ", " << second;
    }
  }
  EXPECT_EQ(Separator(bytes), whole);
}

TEST(SseTail, GivesTheSameResultHoweverItsInputIsCut) {
  const std::string stream = "\ndata: a\r\n\r\n: c\n\rid: 1\r\rdata\n\n\r\nda\r\n";
  for (size_t size = 0; size <= stream.size(); ++size) {
    SCOPED_TRACE(size);
    ExpectCutsGiveTheSameResult(stream.substr(0, size));
  }
}

}  // namespace
}  // namespace vllm_router::http
