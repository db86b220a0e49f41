#include "server/http/sse_scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace vllm_router::http {
namespace {

struct View {
  uint64_t data_events;
  bool done;
  std::string separator;
  bool operator==(const View&) const = default;
};

std::ostream& operator<<(std::ostream& out, const View& v) {
  return out << v.data_events << " events, " << (v.done ? "done" : "not done") << ", separator of "
             << v.separator.size();
}

View ViewOf(const SseScanner& scanner) {
  return {scanner.data_events(), scanner.done(), std::string(scanner.SeparatorBeforeEvent())};
}

View Scan(const std::vector<std::string>& pieces) {
  SseScanner scanner;
  for (const std::string& piece : pieces) scanner.Feed(piece);
  return ViewOf(scanner);
}

TEST(SseScanner, IsAtABoundaryBeforeTheFirstByte) { EXPECT_EQ(Scan({}), (View{0, false, ""})); }

TEST(SseScanner, CountsBlocksWithData) {
  EXPECT_EQ(Scan({"data: a\n\ndata: b\n\n"}).data_events, 2u);
  EXPECT_EQ(Scan({"event: x\nid: 1\ndata: a\ndata: b\n\n"}).data_events, 1u) << "one block";
  EXPECT_EQ(Scan({"data\n\n"}).data_events, 1u) << "the field's name alone, with an empty value";
  EXPECT_EQ(Scan({"data:\n\n"}).data_events, 1u);
}

TEST(SseScanner, DoesNotCountWhatIsNotDispatched) {
  EXPECT_EQ(Scan({": ping\n\n"}).data_events, 0u) << "comment";
  EXPECT_EQ(Scan({"event: error\n\n"}).data_events, 0u) << "no data";
  EXPECT_EQ(Scan({"\n\n\n"}).data_events, 0u);
  EXPECT_EQ(Scan({"Data: a\n\n"}).data_events, 0u) << "names are case-sensitive";
  EXPECT_EQ(Scan({" data: a\n\n"}).data_events, 0u);
  EXPECT_EQ(Scan({"database: a\n\n"}).data_events, 0u);
  EXPECT_EQ(Scan({"data: a\n"}).data_events, 0u) << "the block is open";
}

TEST(SseScanner, ReadsAllThreeLineEnds) {
  EXPECT_EQ(Scan({"data: a\r\n\r\ndata: b\r\n\r\n"}).data_events, 2u);
  EXPECT_EQ(Scan({"data: a\r\rdata: b\r\r"}).data_events, 2u);
  EXPECT_EQ(Scan({"data: a\n\r\ndata: b\r\n\rdata: c\r\n\n"}).data_events, 3u);
  EXPECT_EQ(Scan({"data: a\r\n"}).data_events, 0u) << "CRLF is one line end";
  EXPECT_EQ(Scan({"data: a\r", "\n"}).data_events, 0u) << "also if it is cut";
}

TEST(SseScanner, SeesDoneOnlyWhenItsEventIsComplete) {
  EXPECT_FALSE(Scan({"data: [DONE]"}).done);
  EXPECT_FALSE(Scan({"data: [DONE]\n"}).done);
  EXPECT_TRUE(Scan({"data: [DONE]\n\n"}).done);
  EXPECT_TRUE(Scan({"data:[DONE]\r\n\r\n"}).done);
  EXPECT_TRUE(Scan({"data: a\n\ndata: [DONE]\n\n: bye\n\n"}).done);
}

TEST(SseScanner, TakesNothingElseForDone) {
  EXPECT_FALSE(Scan({"data: [DONE] \n\n"}).done);
  EXPECT_FALSE(Scan({"data:  [DONE]\n\n"}).done);
  EXPECT_FALSE(Scan({"data: \"[DONE]\"\n\n"}).done);
  EXPECT_FALSE(Scan({"data: [DONE]xxxxxxxxxxxx\n\n"}).done);
  EXPECT_FALSE(Scan({": [DONE]\n\n"}).done);
  EXPECT_FALSE(Scan({"data: a\ndata: [DONE]\n\n"}).done) << "part of a longer event";
  EXPECT_FALSE(Scan({"data: [DONE]\ndata: a\n\n"}).done);
}

TEST(SseScanner, SkipsOneByteOrderMarkAtTheStart) {
  EXPECT_EQ(Scan({"\xEF\xBB\xBF"
                  "data: [DONE]\n\n"}),
            (View{1, true, ""}));
  EXPECT_EQ(Scan({"\xEF\xBB",
                  "\xBF"
                  "data: [DO",
                  "NE]\n\n"}),
            (View{1, true, ""}));
  EXPECT_EQ(Scan({"\n\xEF\xBB\xBF"
                  "data: a\n\n"})
                .data_events,
            0u)
      << "only at the start";
}

TEST(SseScanner, TellsWhatEndsAHalfSentEvent) {
  EXPECT_EQ(Scan({"data: a\n\n"}).separator, "");
  EXPECT_EQ(Scan({"data: a\n"}).separator, "\n");
  EXPECT_EQ(Scan({": ping\n"}).separator, "\n");
  EXPECT_EQ(Scan({"data: {\"a"}).separator, "\n\n");
  EXPECT_EQ(Scan({"d"}).separator, "\n\n");
  EXPECT_EQ(Scan({"data: a\r\n"}).separator, "\n");
  EXPECT_EQ(Scan({"data: a\r"}).separator, "\n\n") << "a single LF would belong to the CR";
  EXPECT_EQ(Scan({"data: a\r\n\r"}).separator, "");
  EXPECT_EQ(Scan({"data: a\r\r"}).separator, "");
}

TEST(SseScanner, SeparatorMakesAnEventOfOursStandAlone) {
  const std::string stream =
      ": hi\r\ndata: a\r\n\r\nevent: x\ndata: b\n\ndata: c\r\rdata: d\rid: 1\r";
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    SseScanner scanner;
    scanner.Feed(stream.substr(0, cut));
    const std::string separator(scanner.SeparatorBeforeEvent());
    scanner.Feed(separator);
    EXPECT_EQ(scanner.SeparatorBeforeEvent(), "") << cut;
    const uint64_t before = scanner.data_events();
    scanner.Feed("data: [DONE]\n\n");
    EXPECT_EQ(scanner.data_events(), before + 1) << cut;
    EXPECT_TRUE(scanner.done()) << "merged with the block that was cut at " << cut;
  }
}

TEST(SseScanner, FollowsLongLinesInAnyPieces) {
  const std::string line = "data: " + std::string(100000, 'x') + "\n\n";
  EXPECT_EQ(Scan({line + line}).data_events, 2u);
  SseScanner scanner;
  for (size_t at = 0; at < line.size(); at += 7) scanner.Feed(line.substr(at, 7));
  EXPECT_EQ(ViewOf(scanner), (View{1, false, ""}));
}

void ExpectCutsGiveTheSameResult(const std::string& stream) {
  const View whole = Scan({stream});
  std::vector<std::string> bytes;
  for (size_t first = 0; first < stream.size(); ++first) {
    bytes.push_back(stream.substr(first, 1));
    for (size_t second = first; second <= stream.size(); ++second) {
      ASSERT_EQ(Scan({stream.substr(0, first), stream.substr(first, second - first),
                      stream.substr(second)}),
                whole)
          << first << ", " << second;
    }
  }
  EXPECT_EQ(Scan(bytes), whole);
}

TEST(SseScanner, GivesTheSameResultHoweverItsInputIsCut) {
  const std::string kInputs[] = {
      "data: a\n\ndata: b\n\ndata: [DONE]\n\n",
      "data: a\r\n\r\n: c\r\n\r\ndata: [DONE]\r\n\r\n",
      "data: a\r\rdata: [DONE]\r\r",
      "\xEF\xBB\xBF"
      "data: [DONE]\n\r\nid: 1\r",
      "event: x\ndata\n\r\n\n\r\rda",
      "data: 0123456789012345678901234567890\n\n:\n",
  };
  for (const std::string& input : kInputs) {
    SCOPED_TRACE(testing::PrintToString(input));
    ExpectCutsGiveTheSameResult(input);
  }
}

}  // namespace
}  // namespace vllm_router::http
