// Command lines and help, without a router.
#include "tools/routerctl/arguments.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/routerctl/run_command.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/help.h"

namespace vllm_router::routerctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string UsageOf(const std::vector<std::string>& args) {
  const absl::StatusOr<Arguments> parsed = ParseArguments(args);
  EXPECT_TRUE(IsUsageError(parsed.status())) << parsed.status();
  return std::string(parsed.status().message());
}

TEST(Arguments, TakeGlobalFlagsOnBothSides) {
  const absl::StatusOr<Arguments> parsed = ParseArguments(
      {"--address", "h:1", "backends", "-o", "json", "drain", "a", "--deadline=30s", "--dry-run"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->command->name, "backends drain");
  EXPECT_THAT(parsed->words, ElementsAre("a"));
  EXPECT_EQ(parsed->Get("--address"), "h:1");
  EXPECT_EQ(parsed->Get("--output"), "json");
  EXPECT_EQ(parsed->Get("--deadline"), "30s");
  EXPECT_TRUE(parsed->Has("--dry-run"));
}

TEST(Arguments, TakeWhatFollowsTwoDashesAsItIs) {
  const absl::StatusOr<Arguments> parsed = ParseArguments({"backends", "get", "--", "-a"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->words, ElementsAre("-a"));
}

TEST(Arguments, NameTheWordAndWhatIsAllowed) {
  EXPECT_THAT(UsageOf({"backend"}), HasSubstr("\"backend\"; commands: backends, routing,"));
  EXPECT_THAT(UsageOf({"backends", "lst"}), HasSubstr("\"backends lst\"; allowed: list, get,"));
  EXPECT_THAT(UsageOf({"backends"}), HasSubstr("backends needs a command: list"));
  EXPECT_THAT(UsageOf({}), HasSubstr("routerctl needs a command"));
  EXPECT_THAT(UsageOf({"backends", "get"}), HasSubstr("needs ID"));
  EXPECT_THAT(UsageOf({"backends", "get", "a", "b"}), HasSubstr("does not take \"b\""));
  EXPECT_THAT(UsageOf({"backends", "list", "--nope"}), HasSubstr("unknown flag --nope"));
  EXPECT_THAT(UsageOf({"backends", "list", "-o", "xml"}), HasSubstr("\"xml\" is not table, json"));
  EXPECT_THAT(UsageOf({"backends", "list", "--model"}), HasSubstr("--model needs a value: NAME"));
  EXPECT_THAT(UsageOf({"backends", "list", "--dry-run"}), HasSubstr("takes no --dry-run"));
  EXPECT_THAT(UsageOf({"backends", "drain", "a", "--dry-run=1"}), HasSubstr("takes no value"));
  EXPECT_THAT(UsageOf({"info", "-o", "json", "-o", "yaml"}), HasSubstr("2 times"));
}

TEST(Help, KnowsEveryCommandAndItsFlags) {
  for (const CommandSpec& command : Commands()) {
    std::vector<std::string> args = {"help"};
    std::istringstream words{std::string(command.name)};
    for (std::string word; words >> word;) args.push_back(word);
    const Outcome help = RunIn({}, args);
    EXPECT_EQ(help.code, 0) << command.name;
    EXPECT_THAT(help.out, HasSubstr("usage: routerctl " + std::string(command.name)));
    EXPECT_THAT(help.out, HasSubstr(std::string(command.summary.substr(0, 20))));
    for (const FlagSpec& flag : command.flags) {
      EXPECT_THAT(help.out, HasSubstr(std::string(flag.name))) << command.name;
      EXPECT_NE(flag.help, "") << flag.name;
    }
    args.erase(args.begin());
    args.emplace_back("--help");
    EXPECT_EQ(RunIn({}, args).out, help.out) << command.name;
  }
}

// As far as a shell would hand it to us.
std::vector<std::string> TypedWords(const std::string& example) {
  std::istringstream text(example.substr(0, example.find_first_of(">|)")));
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

TEST(Help, HasExamplesThatAreUnderstood) {
  for (const CommandSpec& command : Commands()) {
    std::istringstream lines{std::string(command.example)};
    EXPECT_NE(command.example, "") << command.name;
    for (std::string line; std::getline(lines, line);) {
      EXPECT_THAT(HelpText({std::string(command.name)}, 80), HasSubstr("\n  " + line + "\n"));
      const size_t begin = line.find("routerctl ");
      ASSERT_NE(begin, std::string::npos) << line;
      std::vector<std::string> words = TypedWords(line.substr(begin));
      words.erase(words.begin());
      const absl::StatusOr<Arguments> parsed = ParseArguments(words);
      ASSERT_TRUE(parsed.ok()) << line << ": " << parsed.status();
      EXPECT_EQ(parsed->command->name, command.name);
    }
  }
}

TEST(Help, FitsTheTerminal) {
  for (const NounSpec& noun : Nouns()) {
    std::istringstream lines(HelpText({std::string(noun.name)}, 80));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(Help, NamesEveryNounAndGlobalFlag) {
  const Outcome help = RunIn({}, {"--help"});
  EXPECT_EQ(help.code, 0);
  for (const NounSpec& noun : Nouns()) {
    EXPECT_THAT(help.out, HasSubstr(std::string(noun.name)));
    EXPECT_THAT(RunIn({}, {"help", std::string(noun.name)}).out,
                HasSubstr(std::string(noun.name) + " "));
  }
  EXPECT_THAT(help.out, HasSubstr("ROUTERCTL_TLS_SERVER_NAME"));
}

TEST(Help, RefusesWhatIsNoCommand) {
  const Outcome help = RunIn({}, {"help", "nonsense"});
  EXPECT_EQ(help.code, 2);
  EXPECT_THAT(help.err, HasSubstr("nonsense"));
}

// A command without a noun of its own would be missing from the overview.
TEST(Commands, StandBelowANounThatIsListed) {
  for (const CommandSpec& command : Commands()) {
    const size_t space = command.name.find(' ');
    if (space == std::string_view::npos) continue;
    bool listed = false;
    for (const NounSpec& noun : Nouns()) listed |= noun.name == command.name.substr(0, space);
    EXPECT_TRUE(listed) << command.name;
  }
}

}  // namespace
}  // namespace vllm_router::routerctl
