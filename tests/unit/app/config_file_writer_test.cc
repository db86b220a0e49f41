#include "server/app/config_file_writer.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/unit/app/config_file_stage.h"

namespace vllm_router::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using ConfigFileWriterTest = ConfigFileStage;

// What an operator does beside the file.
constexpr char kMine[] = R"(mutations { upsert_backend { name: "backends/mine"
    url: "http://127.0.0.1:%d" models { model: "m" } } } )";

TEST_F(ConfigFileWriterTest, ATextIsInEffectWhenItHasBeenTaken) {
  Start(Text({1}, "max_headers: 40\n"));
  EXPECT_EQ(Take(Text({1, 2}, "max_headers: 50\nsession_key: x-user\nstatic_aliases: {a: m}\n")),
            "");
  EXPECT_EQ(router_.generation(), 2u) << "one change, whatever is in it";
  EXPECT_EQ(max_headers(), 50u);
  EXPECT_THAT(Urls(), ElementsAre("http://127.0.0.1:1", "http://127.0.0.1:2"));
  EXPECT_EQ(router_.config()->backends(1).source(), v1::BACKEND_SOURCE_FILE);
  EXPECT_EQ(router_.config()->routing_policies(0).session_key(), "x-user");
  EXPECT_EQ(router_.config()->model_aliases_size(), 1);
  EXPECT_THAT(shown_, ElementsAre(HasSubstr(R"("session_key":"x-user")")));
}

TEST_F(ConfigFileWriterTest, AChangeSaysWhereItComesFrom) {
  Start(Text({1}));
  ASSERT_EQ(Take(Text({1}, "max_headers: 50\n")), "");
  const v1::Revision& revision = router_.control().view()->revision;
  EXPECT_EQ(revision.actor(), "discovery:file");
  EXPECT_EQ(revision.origin(), v1::REVISION_ORIGIN_DISCOVERY);
  EXPECT_EQ(revision.reason(), "the configuration file says so");
}

TEST_F(ConfigFileWriterTest, ATextThatSaysTheSameMakesNoGeneration) {
  Start(Text({1}, "max_headers: 40\n"));
  EXPECT_EQ(Take(Text({1}, "max_headers: 40\n")), "");
  EXPECT_EQ(Take("# a comment\n" + Text({1}, "max_headers: 40  # another\n")), "");
  EXPECT_EQ(router_.generation(), 1u);
}

TEST_F(ConfigFileWriterTest, OneBadLineRefusesTheWholeText) {
  Start(Text({1}, "max_headers: 40\n"));
  EXPECT_EQ(Take(Text({1, 2}, "max_headers: 50\nmax_queued_request: 5\n")),
            "FILE:7:1: the key 'max_queued_request' is unknown: did you mean max_queued_requests?");
  EXPECT_THAT(Take(Text({1, 2}, "max_headers: none\n")),
              HasSubstr("FILE:6:1: max_headers 'none' is not allowed"));
  EXPECT_THAT(Take(Text({1, 2}, "max_headers: 50\naccess_log_file: a\n")),
              HasSubstr("FILE:7:1: access_log_file 'a' needs a restart"));
  EXPECT_THAT(Take(Text({1, 2}, "max_headers: [\n")), HasSubstr("FILE:7:1: "));
  EXPECT_EQ(router_.generation(), 1u);
  EXPECT_EQ(max_headers(), 40u);
  EXPECT_THAT(Urls(), ElementsAre("http://127.0.0.1:1"));
  EXPECT_THAT(shown_, IsEmpty()) << "what is shown is what is in effect";
}

TEST_F(ConfigFileWriterTest, AFileThatWasCutShortIsRefused) {
  const std::string text = Text({1}, "max_headers: 40\n");
  Start(text);
  EXPECT_THAT(Take(""), HasSubstr("--service-discovery must be provided"))
      << "as an editor leaves it for a moment";
  EXPECT_THAT(Take(text.substr(0, text.find("static_models"))),
              HasSubstr("Static backends must be provided"));
  EXPECT_EQ(router_.generation(), 1u);
  EXPECT_THAT(Urls(), SizeIs(1));
  EXPECT_EQ(Take(text), "");
  EXPECT_EQ(router_.generation(), 1u);
}

TEST_F(ConfigFileWriterTest, WhatDoesNotFitBesideOtherChangesIsRefusedWithAllItsReasons) {
  Start(Text({1}));
  ASSERT_TRUE(router_.Apply(absl::StrFormat(kMine, 2)).ok());
  ASSERT_TRUE(router_
                  .Apply(R"(mutations { upsert_backend { name: "backends/also"
                                url: "http://127.0.0.1:3" models { model: "m" } } })")
                  .ok());
  EXPECT_THAT(
      Take(Text({1, 2, 3}, "max_headers: 50\n")),
      AllOf(HasSubstr("'http://127.0.0.1:2' is the URL of backends/mine already"), HasSubstr("; "),
            HasSubstr("'http://127.0.0.1:3' is the URL of backends/also already")));
  EXPECT_EQ(router_.generation(), 3u);
  EXPECT_FALSE(router_.config()->limits().has_max_headers());
  EXPECT_THAT(shown_, IsEmpty());
}

TEST_F(ConfigFileWriterTest, WhatWasRefusedIsToldFromWhatIsInEffectAndTakenLater) {
  Start(Text({1}, "max_headers: 40\n"));
  router_.store.FailWith(absl::UnavailableError("disk full"));
  EXPECT_THAT(Take(Text({1, 2}, "max_headers: 50\n")), HasSubstr("disk full"));
  EXPECT_EQ(router_.generation(), 1u);
  router_.store.FailWith(absl::OkStatus());
  EXPECT_EQ(Take(Text({1, 2}, "max_headers: 50\n")), "") << "the same text again";
  EXPECT_EQ(router_.generation(), 2u);
  EXPECT_EQ(max_headers(), 50u);
  EXPECT_THAT(Urls(), SizeIs(2));
}

TEST_F(ConfigFileWriterTest, APendingCommitIsNotWrittenOver) {
  Start(Text({1}, "max_headers: 40\n"));
  ASSERT_TRUE(router_
                  .Apply("confirm_within { seconds: 60 } "
                         "mutations { update_limits { max_headers: 45 } "
                         "update_mask { paths: \"max_headers\" } }")
                  .ok());
  const std::string next = Text({1, 2}, "max_headers: 50\n");
  EXPECT_THAT(Take(next), HasSubstr("waits for its confirmation"));
  EXPECT_EQ(max_headers(), 45u);
  EXPECT_THAT(Urls(), SizeIs(1)) << "not even what it does not touch";
  ASSERT_TRUE(router_.Confirm().ok());
  EXPECT_EQ(Take(next), "");
  EXPECT_EQ(max_headers(), 50u);
}

TEST_F(ConfigFileWriterTest, OnlyWhatDiffersFromTheTextBeforeIsTouched) {
  Start(Text({1}, "max_headers: 40\n"));
  ASSERT_EQ(Take(Text({1}, "max_headers: 50\n")), "");
  ASSERT_TRUE(router_
                  .Apply("mutations { update_limits { max_headers: 60 } "
                         "update_mask { paths: \"max_headers\" } }" +
                         absl::StrFormat(kMine, 2))
                  .ok());
  ASSERT_EQ(Take(Text({3}, "max_headers: 50\n")), "");
  EXPECT_EQ(max_headers(), 60u) << "the file says what it said before";
  EXPECT_THAT(Urls(), ElementsAre("http://127.0.0.1:2", "http://127.0.0.1:3"));
  ASSERT_EQ(Take(Text({3})), "");
  EXPECT_FALSE(router_.config()->limits().has_max_headers()) << "back at its default";
}

TEST_F(ConfigFileWriterTest, ABackendMayServeSomethingElse) {
  Start(Text({1}));
  std::string text = Text({1});
  text.replace(text.find("  m:"), 4, "  n:");
  ASSERT_EQ(Take(text + "    static_model_label: small\n"), "");
  const v1::Backend& backend = router_.config()->backends(0);
  EXPECT_EQ(backend.models(0).model(), "n");
  EXPECT_EQ(backend.label(), "small");
  EXPECT_EQ(backend.generation(), 2u);
}

TEST_F(ConfigFileWriterTest, TheCommandLineGoesOnToWin) {
  Start(Text({1}, "max_queued_requests: 1\n"),
        {"--max-headers", "40", "--max-concurrent-requests", "9"});
  ASSERT_EQ(Take(Text({1}, "max_queued_requests: 2\nmax_headers: 50\n")), "");
  EXPECT_EQ(max_headers(), 40u);
  EXPECT_EQ(router_.config()->limits().max_queued_requests(), 2u);
}

}  // namespace
}  // namespace vllm_router::app
