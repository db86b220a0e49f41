#include "server/http/head_scanner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace vllm_router::http {
namespace {

using Result = HeadScanner::Result;
using namespace std::string_literals;

struct Outcome {
  Result result;
  size_t begin;
  size_t end;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
  return out << "result " << static_cast<int>(o.result) << " at " << o.begin << ".." << o.end;
}

// Shows the scanner ever longer prefixes of `bytes`, which end at `cuts` and then at the whole.
Outcome ScanInPieces(std::string_view bytes, std::vector<size_t> cuts, const HeadLimits& limits) {
  HeadScanner scanner;
  cuts.push_back(bytes.size());
  Result result = Result::kNeedMore;
  for (size_t cut : cuts) {
    // A copy of its exact size, so that a look behind the end is an error to the sanitizers.
    const std::vector<char> seen(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(cut));
    result = scanner.Scan({seen.data(), seen.size()}, limits);
    if (result != Result::kNeedMore) break;
  }
  if (result != Result::kComplete) return {result, 0, 0};
  return {result, scanner.head_begin(), scanner.head_end()};
}

Outcome ScanWhole(std::string_view bytes, const HeadLimits& limits = {}) {
  return ScanInPieces(bytes, {}, limits);
}

std::string FieldLines(size_t count) {
  std::string lines;
  for (size_t i = 0; i < count; ++i) lines += "a: b\r\n";
  return lines;
}

TEST(HeadScanner, FindsTheEndAndLeavesTheBodyAlone) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(ScanWhole(head + "body\nwith\r\0bytes"s), (Outcome{Result::kComplete, 0, head.size()}));
}

TEST(HeadScanner, WantsMoreUntilTheEmptyLineIsWhole) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (size_t length = 0; length < head.size(); ++length) {
    EXPECT_EQ(ScanWhole(head.substr(0, length)).result, Result::kNeedMore) << length;
  }
}

TEST(HeadScanner, AcceptsAHeadWithoutFields) {
  EXPECT_EQ(ScanWhole("GET / HTTP/1.0\r\n\r\n"), (Outcome{Result::kComplete, 0, 18}));
}

TEST(HeadScanner, SkipsAtMostEightEmptyLines) {
  const std::string head = "GET / HTTP/1.1\r\n\r\n";
  std::string empty_lines;
  for (size_t count = 0; count <= 8; ++count, empty_lines += "\r\n") {
    const size_t begin = empty_lines.size();
    EXPECT_EQ(ScanWhole(empty_lines + head),
              (Outcome{Result::kComplete, begin, begin + head.size()}));
  }
  EXPECT_EQ(ScanWhole(empty_lines).result, Result::kBadLineEnding);
}

TEST(HeadScanner, RefusesLinesThatDoNotEndInCrLf) {
  const std::string kCases[] = {
      "\n",
      "GET / HTTP/1.1\n",
      "GET / HTTP/1.1\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\n",
      "GET / HTTP/1.1\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nX: a\r\r\n\r\n",
      "GET / HTTP/1.1\r\n\rX",
      "\rGET / HTTP/1.1\r\n\r\n",
  };
  for (const std::string& bytes : kCases) {
    EXPECT_EQ(ScanWhole(bytes).result, Result::kBadLineEnding) << testing::PrintToString(bytes);
  }
}

TEST(HeadScanner, RefusesNulAtOnceWhereverItStands) {
  const std::string head = "GET / HTTP/1.1\r\nHost: abcdefgh\r\n\r\n";
  for (size_t at = 0; at + 1 < head.size(); ++at) {
    std::string bytes = head.substr(0, at + 1);
    bytes[at] = '\0';
    EXPECT_EQ(ScanWhole(bytes).result, Result::kBadLineEnding) << at;
  }
}

TEST(HeadScanner, LeavesOtherControlBytesToTheParser) {
  const std::string head = "GET / HTTP/1.1\r\nX: \x01\t\x0B\x0C\x0D\x0A\r\n";
  EXPECT_EQ(ScanWhole(head).result, Result::kComplete);
}

TEST(HeadScanner, BoundsTheStartLineEvenIfItNeverEnds) {
  const HeadLimits limits{.max_bytes = 1000, .max_start_line = 20, .max_fields = 10};
  const std::string longest(20, 'a');
  EXPECT_EQ(ScanWhole(longest, limits).result, Result::kNeedMore);
  EXPECT_EQ(ScanWhole(longest + "\r", limits).result, Result::kNeedMore);
  EXPECT_EQ(ScanWhole(longest + "\r\n\r\n", limits).result, Result::kComplete);
  EXPECT_EQ(ScanWhole("\r\n" + longest + "\r\n\r\n", limits).result, Result::kComplete);
  EXPECT_EQ(ScanWhole(longest + "a", limits).result, Result::kStartLineTooLong);
  EXPECT_EQ(ScanWhole(longest + "a\r\n\r\n", limits).result, Result::kStartLineTooLong);
  EXPECT_EQ(ScanWhole(std::string(5000, 'a'), limits).result, Result::kStartLineTooLong);
}

TEST(HeadScanner, DoesNotHoldFieldLinesToTheLimitOfTheStartLine) {
  const HeadLimits limits{.max_bytes = 1000, .max_start_line = 20, .max_fields = 10};
  EXPECT_EQ(ScanWhole("GET / HTTP/1.1\r\nX: " + std::string(500, 'a') + "\r\n\r\n", limits).result,
            Result::kComplete);
}

TEST(HeadScanner, BoundsTheWholeHeadButNotWhatFollows) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  HeadLimits limits{.max_bytes = head.size()};
  EXPECT_EQ(ScanWhole(head + std::string(100, 'x'), limits).result, Result::kComplete);
  EXPECT_EQ(ScanWhole("\r\n\r\n" + head, limits).result, Result::kComplete);
  limits.max_bytes = head.size() - 1;
  EXPECT_EQ(ScanWhole(head, limits).result, Result::kTooLarge);
  EXPECT_EQ(ScanWhole("GET / HTTP/1.1\r\nHost: " + std::string(100, 'x'), limits).result,
            Result::kTooLarge);
}

TEST(HeadScanner, CountsFieldsWithoutTheStartLine) {
  const std::string line = "GET / HTTP/1.1\r\n";
  HeadLimits limits;
  limits.max_fields = 5;
  EXPECT_EQ(ScanWhole(line + FieldLines(5) + "\r\n", limits).result, Result::kComplete);
  EXPECT_EQ(ScanWhole(line + FieldLines(6), limits).result, Result::kTooManyFields);
  EXPECT_EQ(ScanWhole(line + FieldLines(100) + "\r\n").result, Result::kComplete);
  EXPECT_EQ(ScanWhole(line + FieldLines(101) + "\r\n").result, Result::kTooManyFields);
}

TEST(HeadScanner, CanBeUsedAgainAfterReset) {
  HeadScanner scanner;
  ASSERT_EQ(scanner.Scan("\r\nGET / HTTP/1.1\r\n\r\n", {}), Result::kComplete);
  scanner.Reset();
  ASSERT_EQ(scanner.Scan("GET /b HTTP/1.1\r\n\r\n", {}), Result::kComplete);
  EXPECT_EQ(scanner.head_begin(), 0u);
  EXPECT_EQ(scanner.head_end(), 19u);
}

void ExpectCutsGiveTheSameResult(const std::string& bytes) {
  const HeadLimits kLimits[] = {
      {}, {.max_bytes = 40}, {.max_start_line = 14}, {.max_start_line = 13}, {.max_fields = 1}};
  for (const HeadLimits& limits : kLimits) {
    const Outcome whole = ScanWhole(bytes, limits);
    std::vector<size_t> every_byte;
    for (size_t first = 0; first <= bytes.size(); ++first) {
      every_byte.push_back(first);
      for (size_t second = first; second <= bytes.size(); ++second) {
        ASSERT_EQ(ScanInPieces(bytes, {first, second}, limits), whole) << first << ", " << second;
      }
    }
    EXPECT_EQ(ScanInPieces(bytes, every_byte, limits), whole);
  }
}

TEST(HeadScanner, GivesTheSameResultHoweverItsInputIsCut) {
  const std::string kInputs[] = {
      "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nbody",
      "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET",
      "GET / HTTP/1.1\r\nHost: abc\nX: y\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: abc\rX: y\r\n\r\n",
      "GET / HTTP/1.1\r\rHost: abc\r\n\r\n",
      "GET / HTTP/1.1x\r\r\n\r\n",
      "GET / HTTP/1.1xy\n",
      "GET / HTTP/1.1\r\nX: a\0b\r\n\r\n"s,
      "GET / HTTP/1.1\r\nX: 345678901234567890\r\n\r\n\r\n",
  };
  for (const std::string& input : kInputs) {
    SCOPED_TRACE(testing::PrintToString(input));
    ExpectCutsGiveTheSameResult(input);
  }
}

}  // namespace
}  // namespace vllm_router::http
