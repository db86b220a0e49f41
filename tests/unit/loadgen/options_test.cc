#include "tools/loadgen/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vllm_router::loadgen {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kUrl = "http://127.0.0.1:8001";

TEST(Options, TakesValuesInBothSpellings) {
  const absl::StatusOr<Options> options =
      ParseOptions({"stream", kUrl, "--streams", "500", "--tokens=300", "--seconds=2.5", "--header",
                    "X-A: b", "--fail-on-error"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->mode, Mode::kStream);
  EXPECT_EQ(options->streams, 500u);
  EXPECT_EQ(options->tokens, 300u);
  EXPECT_EQ(options->seconds, 2.5);
  ASSERT_EQ(options->headers.size(), 1u);
  EXPECT_EQ(options->headers[0].value, "b");
  EXPECT_TRUE(options->fail_on_error);
}

TEST(Options, ChoosesThePathByMode) {
  EXPECT_EQ(ParseOptions({"closed", kUrl})->target.path, "/v1/chat/completions");
  EXPECT_EQ(ParseOptions({"idle", kUrl})->target.path, "/health");
  EXPECT_EQ(ParseOptions({"idle", "http://h/x"})->target.path, "/x");
}

TEST(Options, RefusesBadUsageInOneLine) {
  const struct {
    std::vector<std::string_view> args;
    std::string_view why;
  } cases[] = {
      {{}, "no mode"},
      {{"dance", kUrl}, "unknown mode dance"},
      {{"closed"}, "no URL"},
      {{"closed", "https://h"}, "http://"},
      {{"closed", kUrl, kUrl}, "unexpected argument"},
      {{"closed", kUrl, "--nope", "1"}, "unknown flag --nope"},
      {{"closed", kUrl, "--streams", "5"}, "--streams has no meaning for closed"},
      {{"closed", kUrl, "--connections"}, "needs a value"},
      {{"closed", kUrl, "--connections", "0"}, "from 1"},
      {{"closed", kUrl, "--connections", "x"}, "from 1"},
      {{"closed", kUrl, "--seconds", "-1"}, "--seconds -1"},
      {{"closed", kUrl, "--seconds", "nan"}, "--seconds nan"},
      {{"rate", kUrl, "--rate", "0"}, "above 0"},
      {{"closed", kUrl, "--fail-on-error=yes"}, "takes no value"},
      {{"closed", kUrl, "--header", "no colon"}, "Name: value"},
      {{"closed", kUrl, "--content", "jpeg"}, "text or base64"},
      {{"closed", kUrl, "--body", "tiny"}, "1k, 32k, 1m"},
  };
  for (const auto& test : cases) {
    const absl::Status status = ParseOptions(test.args).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << test.why;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(test.why)));
    EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
  }
}

TEST(Options, HelpNamesEveryFlagOfTheExample) {
  EXPECT_TRUE(ParseOptions({"closed", "--help", "--nope"})->help);
  for (const char* flag : {"--streams", "--rate", "--connections", "--json", "--fail-on-error"}) {
    EXPECT_THAT(HelpText(), HasSubstr(flag));
  }
}

TEST(Options, MakesTheBodyOfTheMode) {
  EXPECT_THAT(*BodyOf(*ParseOptions({"stream", kUrl})), HasSubstr(R"("stream":true)"));
  EXPECT_THAT(*BodyOf(*ParseOptions({"closed", kUrl})), HasSubstr(R"("stream":false)"));
  EXPECT_THAT(*BodyOf(*ParseOptions({"closed", kUrl, "--body", "1m"})), HasSubstr("image_url"));
  EXPECT_FALSE(BodyOf(*ParseOptions({"closed", kUrl, "--body-file", "/nonexistent"})).ok());
}

}  // namespace
}  // namespace vllm_router::loadgen
