#include "server/base/line_text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace vllm_router::base {
namespace {

using Escapes = LineText::Escapes;

template <typename Add>
std::string Made(Add add, Escapes escapes = Escapes::kPrintable) {
  std::string out = "before ";
  {
    LineText line(&out, escapes);
    add(line);
  }
  return out.substr(7);
}

TEST(LineText, WritesNumbersOfAnyLength) {
  for (uint64_t value : {0ul, 9ul, 10ul, 99ul, 100ul, 101ul, 999ul, 1000ul, 65536ul,
                         std::numeric_limits<uint64_t>::max()}) {
    EXPECT_EQ(Made([&](LineText& line) { line.AddNumber(value); }), std::to_string(value));
  }
}

TEST(LineText, WritesTimes) {
  const auto milliseconds = [](int64_t ns) {
    return Made([&](LineText& line) { line.AddMilliseconds(ns); });
  };
  EXPECT_EQ(milliseconds(-5), "0.000");
  EXPECT_EQ(milliseconds(999), "0.000");
  EXPECT_EQ(milliseconds(1'000), "0.001");
  EXPECT_EQ(milliseconds(42'123'999), "42.123");
  EXPECT_EQ(milliseconds(3'600'000'050'000), "3600000.050");
}

TEST(LineText, TakesTextsOfAnyLengthInTheirOrder) {
  const std::string text(700, 'x');
  const std::string longer(5000, 'y');
  EXPECT_EQ(Made([&](LineText& line) {
              line.Add("a");
              line.Add(text);
              line.AddByte('b');
              line.Add(text);
              line.Add(longer);
              line.AddNumber(7);
            }),
            "a" + text + "b" + text + longer + "7");
}

TEST(LineText, EscapesAndCutsWhatIsShown) {
  const auto shown = [](Escapes escapes) {
    return Made(
        [](LineText& line) {
          line.AddByte('<');
          line.AddShown("plain", 5);
          line.AddShown("one\nline\x1B", 64);
          line.AddShown("longer", 3);
          line.AddByte('>');
        },
        escapes);
  };
  EXPECT_EQ(shown(Escapes::kPrintable), "<plainone\\nline\\x1blon...>");
  EXPECT_EQ(shown(Escapes::kJson), "<plainone\\nline\\u001blon...>");
}

}  // namespace
}  // namespace vllm_router::base
