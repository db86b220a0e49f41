#include "server/base/strings.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vllm_router::base {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(EqualsIgnoreCase, FoldsAsciiLettersOnly) {
  EXPECT_TRUE(EqualsIgnoreCase("Content-Length", "cONTENT-lENGTH"));
  EXPECT_TRUE(EqualsIgnoreCase("", ""));
  EXPECT_FALSE(EqualsIgnoreCase("Host", "Hos"));
  // '@' and '`', '[' and '{' differ by the same bit as the cases of a letter.
  EXPECT_FALSE(EqualsIgnoreCase("@[", "`{"));
  EXPECT_FALSE(EqualsIgnoreCase("\xC3\x84", "\xC3\xA4"));
}

TEST(EqualsIgnoreCase, SeesTheDifferenceWhereverItStands) {
  const std::string upper = "X-FORWARDED-PROTO-AND-MORE";
  const std::string lower = AsciiLower(upper);
  for (size_t length = 0; length <= upper.size(); ++length) {
    EXPECT_TRUE(EqualsIgnoreCase(upper.substr(0, length), lower.substr(0, length))) << length;
    for (size_t at = 0; at < length; ++at) {
      for (const char other : {'@', '`', '\r', '\x7F', '\xE1'}) {
        std::string changed = lower.substr(0, length);
        changed[at] = other;
        EXPECT_FALSE(EqualsIgnoreCase(upper.substr(0, length), changed)) << changed;
      }
    }
  }
  // '-' and CR differ in the bit that tells the cases apart.
  EXPECT_FALSE(EqualsIgnoreCase("content-length", "content\rlength"));
}

TEST(HashBytes, IsTheSameEverywhereAndSpreads) {
  EXPECT_EQ(HashBytes(""), 0xecba3df2c3383c52u);
  EXPECT_EQ(HashBytes("user-1"), HashBytes("user-1"));
  int odd = 0;
  for (int i = 0; i < 1000; ++i) odd += HashBytes("user-" + std::to_string(i)) % 2 == 1 ? 1 : 0;
  EXPECT_GT(odd, 400);
  EXPECT_LT(odd, 600);
}

TEST(AsciiLower, LeavesEverythingButCapitalsAlone) {
  EXPECT_EQ(AsciiLower("AZaz09@[\xC3\x84"), "azaz09@[\xC3\x84");
}

TEST(TrimOws, TakesSpacesAndTabsButNoLineEnds) {
  EXPECT_EQ(TrimOws(" \t a b\t "), "a b");
  EXPECT_EQ(TrimOws("\r\nx "), "\r\nx");
  EXPECT_EQ(TrimOws(" \t "), "");
  EXPECT_EQ(TrimOws(""), "");
}

TEST(SplitList, TrimsPartsAndDropsEmptyOnes) {
  EXPECT_THAT(SplitList("a, b,,c ,"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(SplitList(" , ,"), IsEmpty());
  EXPECT_THAT(SplitList(""), IsEmpty());
  EXPECT_THAT(SplitList("a,b;c", ';'), ElementsAre("a,b", "c"));
}

TEST(ParseUint, AcceptsDigitsUpToTheLargestNumber) {
  EXPECT_EQ(ParseUint("0"), 0u);
  EXPECT_EQ(ParseUint("007"), 7u);
  EXPECT_EQ(ParseUint("18446744073709551615"), ~uint64_t{0});
}

TEST(ParseUint, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", " 1", "1 ", "+1", "-1", "0x10", "1e3", "1,0", "18446744073709551616"}) {
    EXPECT_EQ(ParseUint(text), std::nullopt) << '"' << text << '"';
  }
  EXPECT_EQ(ParseUint(std::string_view("1\0", 2)), std::nullopt);
}

TEST(IsPlain, FindsWhatIsNotWhereverItStands) {
  for (size_t size = 0; size <= 20; ++size) {
    EXPECT_TRUE(IsPlain(std::string(size, '~'))) << size;
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text(size, ' ');
        text[at] = static_cast<char>(c);
        EXPECT_EQ(IsPlain(text), c >= 0x20 && c < 0x7F && c != '"' && c != '\\')
            << c << " at " << at << " of " << size;
      }
    }
  }
}

TEST(Printable, EscapesWhatCouldForgeALogLine) {
  EXPECT_EQ(Printable("a\r\n\tb"), "a\\r\\n\\tb");
  EXPECT_EQ(Printable("say \"hi\" \\"), "say \\\"hi\\\" \\\\");
  EXPECT_EQ(Printable(std::string_view("\0\x1B[31m\x7F", 7)), "\\x00\\x1b[31m\\x7f");
}

TEST(Printable, ShowsUtf8AndEscapesWhatIsNone) {
  EXPECT_EQ(Printable("h\xC3\xA9llo \xE2\x82\xAC"), "h\xC3\xA9llo \xE2\x82\xAC");
  EXPECT_EQ(Printable("\xC3"), "\\xc3");                    // cut short
  EXPECT_EQ(Printable("\xC0\xAF"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(Printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");  // a surrogate
}

TEST(Printable, EscapesWhatEndsALineForSomeReaders) {
  EXPECT_EQ(Printable("a\xC2\x85\xE2\x80\xA8\xE2\x80\xA9\xC2\xA0"),
            "a\\xc2\\x85\\xe2\\x80\\xa8\\xe2\\x80\\xa9\xC2\xA0");
}

TEST(Printable, CutsALongText) {
  EXPECT_EQ(Printable("abcdef", 3), "abc...");
  EXPECT_EQ(Printable("abc", 3), "abc");
  EXPECT_EQ(Printable("ab\xC3\xA9", 3),
            "ab...");  // never more than the limit, never half a character
}

TEST(JsonEscape, EscapesQuotesBackslashesAndControls) {
  EXPECT_EQ(JsonEscape("\"\\\n\r\t"), "\\\"\\\\\\n\\r\\t");
  EXPECT_EQ(JsonEscape(std::string_view("\0\x1F/", 3)), "\\u0000\\u001f/");
}

TEST(JsonEscape, KeepsUtf8AndReplacesEachByteThatIsNone) {
  EXPECT_EQ(JsonEscape("\xF0\x9F\x98\x80"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(JsonEscape("a\xFF\xC3"), "a\xEF\xBF\xBD\xEF\xBF\xBD");
  // The byte after a broken lead is judged on its own.
  EXPECT_EQ(JsonEscape("\xE2\x82\""), "\xEF\xBF\xBD\xEF\xBF\xBD\\\"");
}

TEST(JsonEscape, EscapesWhatEndsALineForSomeReaders) {
  EXPECT_EQ(JsonEscape("\x7F\xC2\x9F\xE2\x80\xA8\xE2\x80\xAA"),
            "\\u007f\\u009f\\u2028\xE2\x80\xAA");
}

TEST(AppendJsonEscaped, AppendsAtMostSoManyBytes) {
  std::string out = "x";
  AppendJsonEscaped("a\"bc", 3, &out);
  EXPECT_EQ(out, "xa\\\"b...");
  AppendJsonEscaped("\xC3\xA9", 1, &out);
  EXPECT_EQ(out, "xa\\\"b......");
}

TEST(StringMap, IsSearchedWithAView) {
  StringMap<int> map;
  map["model-a"] = 1;
  const std::string_view text = "model-a/extra";
  EXPECT_TRUE(map.contains(text.substr(0, 7)));
  EXPECT_FALSE(map.contains(text));
}

TEST(Views, CrossTheBridgeUnchanged) {
  const std::string_view text("a\0b", 3);
  EXPECT_EQ(StdView(AbslView(text)), text);
}

}  // namespace
}  // namespace vllm_router::base
