#include "tools/fake_engine/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vllm_router::fake_engine {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Flags, BothSpellingsSetTheSame) {
  for (const auto& arguments :
       {std::vector<std::string_view>{"--ttft-ms", "12.5", "--model", "a, b"},
        std::vector<std::string_view>{"--ttft-ms=12.5", "--model=a, b"}}) {
    const absl::StatusOr<CommandLine> line = ParseCommandLine(arguments);
    ASSERT_TRUE(line.ok()) << line.status();
    EXPECT_EQ(line->options.pacing.ttft, base::Duration(12500us));
    EXPECT_THAT(line->options.models, ElementsAre("a", "b"));
  }
}

TEST(Flags, SetWhatTheyName) {
  const absl::StatusOr<CommandLine> line =
      ParseCommandLine({"--ports", "9001,9002", "--itl-ms=10", "--prefill-us-per-token=1.5",
                        "--tokens=100", "--stamp-tokens", "--no-prefix-cache", "--max-running=4",
                        "--keep-alive-seconds=0.5", "--fault=status:503", "--accept-any-model"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_THAT(line->ports, ElementsAre(9001, 9002));
  EXPECT_EQ(line->options.pacing.itl, base::Duration(10ms));
  EXPECT_EQ(line->options.pacing.prefill_per_token.count(), 1500);
  EXPECT_EQ(line->options.pacing.tokens, 100u);
  EXPECT_TRUE(line->options.stamp_tokens);
  EXPECT_FALSE(line->options.prefix_cache);
  EXPECT_EQ(line->options.max_running, 4u);
  EXPECT_EQ(line->options.keep_alive, base::Duration(500ms));
  EXPECT_EQ(line->options.fault, (Fault{FaultKind::kStatus, 503}));
  EXPECT_TRUE(line->options.accept_any_model);
}

TEST(Flags, RefuseWhatTheyDoNotUnderstandInOneLine) {
  const std::vector<std::string_view> cases[] = {
      {"--nonsense"},      {"positional"},       {"--port"},       {"--port=x"},
      {"--port=65536"},    {"--ports="},         {"--ttft-ms=-1"}, {"--ttft-ms=1s"},
      {"--tokens=1.5"},    {"--fault=unknown"},  {"--model="},     {"--stamp-tokens=1"},
      {"--itl-ms", "nan"}, {"--max-running=-1"}, {"-port=1"},
  };
  for (const auto& arguments : cases) {
    const absl::StatusOr<CommandLine> line = ParseCommandLine(arguments);
    ASSERT_FALSE(line.ok()) << arguments[0];
    EXPECT_EQ(line.status().message().find('\n'), absl::string_view::npos) << line.status();
  }
}

TEST(Flags, HelpFitsTheTerminalAndNamesEveryFault) {
  const std::string help = HelpText();
  size_t begin = 0;
  for (size_t end = help.find('\n'); end != std::string::npos; end = help.find('\n', begin)) {
    EXPECT_LE(end - begin, 100u) << help.substr(begin, end - begin);
    begin = end + 1;
  }
  EXPECT_THAT(help, HasSubstr("--spread-phases"));
  EXPECT_THAT(help, HasSubstr("garbage-after-body"));
  EXPECT_TRUE(ParseCommandLine({"--help"})->help);
}

}  // namespace
}  // namespace vllm_router::fake_engine
