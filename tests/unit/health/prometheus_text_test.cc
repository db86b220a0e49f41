#include "server/health/prometheus_text.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vllm_router::health {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Page {
  std::vector<std::string> samples;  // "name|labels|value"
  PrometheusCounts counts;
};

Page Read(std::string_view text) {
  Page page;
  page.counts = ReadPrometheusText(text, [&](const PrometheusSample& sample) {
    page.samples.push_back(absl::StrFormat("%s|%s|%g", sample.name, sample.labels, sample.value));
  });
  EXPECT_EQ(page.counts.samples, page.samples.size());
  return page;
}
std::vector<std::string> Samples(std::string_view text) { return Read(text).samples; }

TEST(PrometheusText, ReadsAPageAsEnginesSendIt) {
  const Page page = Read(
      "# HELP vllm:num_requests_running Number of requests.\n"
      "# TYPE vllm:num_requests_running gauge\n"
      "vllm:num_requests_running{engine=\"0\",model_name=\"meta/llama\"} 3.0\n"
      "\n"
      "python_info 1\n"
      "process_virtual_memory_bytes 1.2345e+10\n");
  EXPECT_THAT(page.samples,
              ElementsAre("vllm:num_requests_running|engine=\"0\",model_name=\"meta/llama\"|3",
                          "python_info||1", "process_virtual_memory_bytes||1.2345e+10"));
  EXPECT_EQ(page.counts.skipped, 0u);
}

TEST(PrometheusText, ReadsEveryNumber) {
  const struct {
    const char* text;
    double value;
  } cases[] = {{"0", 0},
               {"-1", -1},
               {"+2", 2},
               {".5", 0.5},
               {"5.", 5},
               {"1e3", 1000},
               {"1E-2", 0.01},
               {"+Inf", INFINITY},
               {"-Inf", -INFINITY},
               {"inf", INFINITY},
               {"9007199254740993", 9007199254740992.0}};
  for (const auto& c : cases) {
    double value = 99;
    ReadPrometheusText(std::string("a ") + c.text,
                       [&](const PrometheusSample& sample) { value = sample.value; });
    EXPECT_EQ(value, c.value) << c.text;
  }
  for (const std::string text : {"NaN", "nan", "+NaN"}) {
    double value = 99;
    ReadPrometheusText("a " + text, [&](const PrometheusSample& s) { value = s.value; });
    EXPECT_TRUE(std::isnan(value)) << text;
  }
}

TEST(PrometheusText, LeavesTimestampsAndExemplarsOut) {
  EXPECT_THAT(Samples("a 1 1700000000000\n"
                      "b 2 1700000000.123\n"
                      "c{x=\"1\"} 3 # {trace_id=\"} 9\"} 0.5 1700000000\n"
                      "d 4 17 # {} 1\n"
                      "e 5 -17\n"
                      "# EOF\n"),
              ElementsAre("a||1", "b||2", "c|x=\"1\"|3", "d||4", "e||5"));
}

TEST(PrometheusText, KeepsToQuotesInLabelValues) {
  EXPECT_THAT(
      Samples(R"(a{x="}"} 1
b{x="\"} 7"} 2
c{x="\\"} 3
d{x="a,b{c}",y="# 5"} 4
e{x="\n",} 5
f{} 6
g{x = "1" , y="2"} 7
)"),
      ElementsAre(R"(a|x="}"|1)", R"(b|x="\"} 7"|2)", R"(c|x="\\"|3)", R"(d|x="a,b{c}",y="# 5"|4)",
                  R"(e|x="\n",|5)", "f||6", R"(g|x = "1" , y="2"|7)"));
}

TEST(PrometheusText, TakesBlanksAndEndsOfLinesOfEveryKind) {
  EXPECT_THAT(Samples("  a 1\r\n\tb\t2\t\r\n\r\n   \nc {x=\"1\"} 3  \nd{x=\"1\"}4\ne   5"),
              ElementsAre("a||1", "b||2", "c|x=\"1\"|3", "d|x=\"1\"|4", "e||5"));
  EXPECT_THAT(Samples("a 1\r"), ElementsAre("a||1"));
  EXPECT_THAT(Samples(""), IsEmpty());
  EXPECT_THAT(Samples("\n"), IsEmpty());
  EXPECT_THAT(Samples("#"), IsEmpty());
}

TEST(PrometheusText, SkipsGarbageAndGoesOnBehindIt) {
  const std::string garbage[] = {
      "a",
      "a ",
      "a{",
      "a{x=\"1\" 1",
      "a{x=\"1} 1",
      "a{x=\"1\\\"} 1",
      "a{x=\"1\"}",
      "a x",
      "a 1x",
      "a 1 x",
      "a 1 2 3",
      "a 1#",
      "a 0x10",
      "a 1,5",
      "a ++1",
      "a +-1",
      "a +",
      "a 1e999",
      "5a 1",
      "-a 1",
      "a-b 1",
      "a.b 1",
      "a=1",
      "{\"a\"} 1",
      "{\"error\":\"unauthorized\"}",
      "<html><body>Sign in</body></html>",
      "\xff\xfe\x01",
      std::string("\0\0 1", 4),
      std::string("a\0 1", 4),
  };
  for (const std::string& line : garbage) {
    const Page page = Read("before 1\n" + line + "\nafter 2\n");
    EXPECT_THAT(page.samples, ElementsAre("before||1", "after||2")) << line;
    EXPECT_EQ(page.counts.skipped, 1u) << line;
  }
}

TEST(PrometheusText, GivesViewsOfThePage) {
  const std::string page = "abc{x=\"1\"} 1";
  ReadPrometheusText(page, [&](const PrometheusSample& sample) {
    EXPECT_EQ(sample.name.data(), page.data());
    EXPECT_EQ(sample.labels.data(), page.data() + 4);
  });
}

// A quadratic reader would need hours for these.
TEST(PrometheusText, IsLinearInWhateverItIsGiven) {
  constexpr size_t kSize = 4u << 20;
  const std::string begin = "a{x=\"";
  for (const std::string& text :
       {std::string(kSize, '\n'), std::string(kSize, 'a'), std::string(kSize, '{'),
        std::string(kSize, '"'), std::string(kSize, '\\'), begin + std::string(kSize, '\\'),
        begin + std::string(kSize, '}'), "a " + std::string(kSize, '1'),
        "a " + std::string(kSize, ' ') + "1"}) {
    const PrometheusCounts counts = ReadPrometheusText(text, [](const PrometheusSample&) {});
    EXPECT_LE(counts.samples + counts.skipped, 1u);
  }
  std::string lines;
  while (lines.size() < kSize) lines += "a{x=\"";
  lines += "\nb 1";
  EXPECT_THAT(Samples(lines), ElementsAre("b||1"));
}

}  // namespace
}  // namespace vllm_router::health
