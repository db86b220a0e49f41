#include "server/gateway/authenticator.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace vllm_router::gateway {
namespace {

// printf %s secret-a | sha256sum, printf %s secret-b | sha256sum
constexpr char kA[] = "8766b9cb08e6040b704f1e3ee1e186efccf2635b1d2634d6525333007e6aeae1";
constexpr char kB[] = "ff492ef788c89b555e6f738b33d2422f57dbb6656af2402155672c5f123a90af";

std::shared_ptr<const Authenticator> Parsed(const std::string& text) {
  auto keys = Authenticator::Parse(text);
  EXPECT_TRUE(keys.ok()) << keys.status();
  return keys.ok() ? *keys : nullptr;
}

TEST(Authenticator, NamesTheKeyThatMatches) {
  const auto keys = Parsed(std::string("# team keys\n\nteam-a ") + kA + "\r\nteam-b\t" + kB + "\n");
  ASSERT_NE(keys, nullptr);
  EXPECT_EQ(keys->size(), 2u);
  const std::string* name = keys->Identify("Bearer secret-a");
  ASSERT_NE(name, nullptr);
  EXPECT_EQ(*name, "team-a");
  EXPECT_NE(keys->Identify("bearer  secret-a "), nullptr);
}

TEST(Authenticator, RefusesEverythingElse) {
  const auto keys = Parsed(std::string("team-a ") + kA);
  ASSERT_NE(keys, nullptr);
  for (const std::string_view value :
       {"", "Bearer", "Bearer ", "Bearer secret-", "Bearer secret-aa", "secret-a", "Basic secret-a",
        "Bearer SECRET-A", "Bearer secret-a,secret-a"}) {
    EXPECT_EQ(keys->Identify(value), nullptr) << value;
  }
}

TEST(Authenticator, SaysWhichLineOfTheFileIsWrong) {
  EXPECT_THAT(
      Authenticator::Parse("a b c\n").status(),
      test_support::StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("line 1")));
  EXPECT_THAT(
      Authenticator::Parse(std::string("a ") + kA + "\nb plain-text-key\n").status(),
      test_support::StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("line 2")));
  EXPECT_THAT(Authenticator::Parse(std::string("a ") + kA + "\nb " + kA + "\n").status(),
              test_support::StatusIs(absl::StatusCode::kInvalidArgument,
                                     testing::HasSubstr("the key of 'b' is that of 'a'")));
  EXPECT_THAT(
      Authenticator::Parse("# nothing\n").status(),
      test_support::StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("no key")));
}

}  // namespace
}  // namespace vllm_router::gateway
