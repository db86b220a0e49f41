#include "server/app/help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "server/app/flags_spec.h"

namespace vllm_router::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// "  --port PORT" -> "--port"; "" for a line that introduces no flag.
std::string FlagIntroducedBy(const std::string& line) {
  if (line.rfind("  -h, --help", 0) == 0) return "--help";
  if (line.rfind("  --", 0) != 0) return "";
  return line.substr(2, line.find(' ', 2) - 2);
}

// The description under a flag's line, unwrapped.
std::string DescriptionOf(const std::string& flag) {
  std::string description;
  bool inside = false;
  for (const std::string& line : LinesOf(HelpText(100))) {
    if (line.rfind("      ", 0) != 0) {
      inside = FlagIntroducedBy(line) == flag;
    } else if (inside) {
      description += (description.empty() ? "" : " ") + line.substr(6);
    }
  }
  return description;
}

TEST(Help, IntroducesEveryFlagExactlyOnce) {
  std::map<std::string, int> introduced;
  for (const std::string& line : LinesOf(HelpText(100))) {
    if (const std::string flag = FlagIntroducedBy(line); !flag.empty()) ++introduced[flag];
  }
  std::map<std::string, int> expected;
  for (const FlagGroup* group : AllFlagGroups()) {
    for (const FlagSpec& spec : group->flags) expected[FlagTitle(spec)] = 1;
  }
  EXPECT_EQ(introduced, expected);
}

TEST(Help, HasTheGroupsInTheOrderOfTheDocumentation) {
  std::vector<std::string> titles;
  for (const std::string& line : LinesOf(HelpText(100))) {
    if (!line.empty() && line.front() != ' ' && line.back() == ':') titles.push_back(line);
  }
  EXPECT_THAT(titles,
              ElementsAre("Basic:", "Service discovery:", "Routing logic:", "Limits and admission:",
                          "Timeouts:", "Failover and ejection:", "Health checks:", "Monitoring:",
                          "Logging:", "Callbacks:", "TLS and keys:", "Admin:",
                          "Accepted for compatibility:", "Environment:", "Examples:"));
}

TEST(Help, BeginsWithOneUsageLineAndEndsWithTwoExamples) {
  const std::string help = HelpText(100);
  EXPECT_EQ(help.rfind("usage: vllm-router ", 0), 0u);
  const std::string examples = help.substr(help.find("Examples:"));
  size_t count = 0;
  for (const std::string& line : LinesOf(examples)) count += line.rfind("  vllm-router ", 0) == 0;
  EXPECT_EQ(count, 2u);
}

TEST(Help, WrapsAtTheWidthAsked) {
  for (const size_t columns : {60u, 80u, 100u}) {
    size_t longest = 0;
    for (const std::string& line : LinesOf(HelpText(columns))) {
      if (line.rfind("      ", 0) == 0 && line.find('\\') == std::string::npos &&
          line.rfind("      --", 0) != 0) {
        longest = std::max(longest, line.size());
      }
    }
    EXPECT_LE(longest, columns);
    EXPECT_GT(longest, columns - 15) << "lines are broken too early";
  }
  EXPECT_EQ(HelpText(0), HelpText(60));
}

TEST(Help, SaysMetavariablesDefaultsAndWhatIsAllowed) {
  const std::string help = HelpText(100);
  EXPECT_THAT(help, HasSubstr("  --port PORT\n"));
  EXPECT_THAT(help, HasSubstr("  --routing-logic {roundrobin,session}\n"));
  EXPECT_THAT(help, HasSubstr("  --engine-stats-interval SECONDS\n"));
  EXPECT_THAT(DescriptionOf("--port"), HasSubstr("Default: 8001. Allowed: 0 to 65535."));
  EXPECT_THAT(DescriptionOf("--routing-logic"), HasSubstr("Allowed: roundrobin or session."));
  EXPECT_THAT(DescriptionOf("--routing-logic"),
              HasSubstr("Not available in this version: kvaware, prefixaware, "));
  EXPECT_THAT(DescriptionOf("--client-idle-timeout-seconds"),
              HasSubstr("Default: 75. Allowed: 0.001 to 31536000, or 0."));
  EXPECT_THAT(DescriptionOf("--semantic-cache-threshold"), HasSubstr("Default: 0.95."));
}

TEST(Help, SaysWhichFlagsDoNothingYet) {
  EXPECT_THAT(DescriptionOf("--root-path"), HasSubstr("No effect in this version."));
  EXPECT_THAT(DescriptionOf("--external-providers-config"),
              HasSubstr("Not available in this version."));
  EXPECT_THAT(DescriptionOf("--host"), ::testing::Not(HasSubstr("in this version")));
}

}  // namespace
}  // namespace vllm_router::app
