#include "server/base/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace vllm_router::base {
namespace {

TEST(IsText, TakesUtf8OfEveryLength) {
  EXPECT_TRUE(IsText(""));
  EXPECT_TRUE(IsText("a model"));
  EXPECT_TRUE(IsText("\xC2\x80 \xDF\xBF"));
  EXPECT_TRUE(IsText("\xE0\xA0\x80 \xED\x9F\xBF \xEF\xBF\xBF"));
  EXPECT_TRUE(IsText("\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));
}

TEST(IsText, RefusesWhatIsNoUtf8) {
  for (const char* bad : {"\xFF", "\x80", "a\xC3", "\xC0\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
                          "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    EXPECT_FALSE(IsText(bad)) << testing::PrintToString(std::string(bad));
  }
}

TEST(IsText, RefusesControlCharacters) {
  EXPECT_FALSE(IsText("a\n"));
  EXPECT_FALSE(IsText("\x7F"));
  EXPECT_FALSE(IsText(std::string("a\0b", 3)));
}

}  // namespace
}  // namespace vllm_router::base
