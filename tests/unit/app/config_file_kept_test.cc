// The configuration file beside a configuration that was kept: whose the backends are.
#include <gmock/gmock.h>

#include <string>

#include "tests/unit/app/config_file_stage.h"

namespace vllm_router::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A restart: the configuration that was kept is in effect, and the file may say something else.
class ConfigFileKeptTest : public ConfigFileStage {
 protected:
  // A backend of each source that the state directory may hold.
  static v1::Config Kept() {
    v1::Config kept = config::Draft::Empty();
    const auto add = [&](const std::string& name, int port, v1::BackendSource source) {
      v1::Backend& backend = *kept.add_backends();
      backend.set_name("backends/" + name);
      backend.set_url("http://127.0.0.1:" + std::to_string(port));
      backend.add_models()->set_model("m");
      backend.set_source(source);
      backend.set_etag(name);
    };
    add("flag", 11, v1::BACKEND_SOURCE_FLAG);
    add("file", 12, v1::BACKEND_SOURCE_FILE);
    add("mine", 13, v1::BACKEND_SOURCE_ADMIN);
    return kept;
  }
  void RestartWithFile(const std::string& text, Args args = {}) {
    file_.Write(text);
    args.insert(args.end(), {"--dynamic-config-yaml", file_.path()});
    Restart(args);
  }
  void Restart(const Args& args) {
    started_ = StartOf(args);
    ASSERT_THAT(started_.warnings, testing::Each(testing::Not(testing::StartsWith("error:"))));
    StartWith(Kept());
  }
};

TEST_F(ConfigFileKeptTest, TheFileSpeaksForItsOwnBackendsOnly) {
  RestartWithFile(Text({1, 2}, "max_headers: 40\n"));
  EXPECT_EQ(WhyNot(writer_->DeclareBackends()), "");
  EXPECT_THAT(Urls(), ElementsAre("http://127.0.0.1:11", "http://127.0.0.1:13",
                                  "http://127.0.0.1:1", "http://127.0.0.1:2"));
  EXPECT_EQ(router_.config()->backends(2).source(), v1::BACKEND_SOURCE_FILE);
  EXPECT_EQ(router_.generation(), 2u);
  EXPECT_FALSE(router_.config()->limits().has_max_headers()) << "there, what was kept wins";
}

TEST_F(ConfigFileKeptTest, AFileThatNamesNoBackendsLetsItsFormerOnesGo) {
  RestartWithFile("max_headers: 40\n", Minimal());
  EXPECT_EQ(WhyNot(writer_->DeclareBackends()), "");
  EXPECT_THAT(Urls(), ElementsAre("http://127.0.0.1:11", "http://127.0.0.1:13"))
      << "those of flags stay as they were kept";
}

TEST_F(ConfigFileKeptTest, WithoutAFileItsFormerBackendsGo) {
  Restart(Minimal());
  EXPECT_EQ(WhyNot(writer_->DeclareBackends()), "");
  EXPECT_THAT(Urls(), ElementsAre("http://127.0.0.1:11", "http://127.0.0.1:13"));
}

TEST_F(ConfigFileKeptTest, WhatIsRightAlreadyMakesNoGeneration) {
  RestartWithFile(Text({1}));
  ASSERT_EQ(WhyNot(writer_->DeclareBackends()), "");
  EXPECT_EQ(router_.generation(), 2u);
  ASSERT_EQ(WhyNot(writer_->DeclareBackends()), "");
  EXPECT_EQ(router_.generation(), 2u);
}

TEST_F(ConfigFileKeptTest, SaysWhyTheBackendsAreNotInEffect) {
  RestartWithFile(Text({13}));
  EXPECT_THAT(WhyNot(writer_->DeclareBackends()),
              HasSubstr("'http://127.0.0.1:13' is the URL of backends/mine already"));
  EXPECT_EQ(router_.generation(), 1u);
  EXPECT_EQ(Urls().size(), 3u);
}

TEST_F(ConfigFileKeptTest, WhoNamesTheBackendsIsTheirSource) {
  RestartWithFile(Text({1}));
  EXPECT_EQ(ConfigFileWriter::SourceOf(started_), v1::BACKEND_SOURCE_FILE);
  EXPECT_EQ(ConfigFileWriter::SourceOf(StartOf(Minimal())), v1::BACKEND_SOURCE_FLAG);
  file_.Write("static_backends: http://127.0.0.1:7\nstatic_models: m\n");
  EXPECT_EQ(
      ConfigFileWriter::SourceOf(StartOf(MinimalAnd({"--dynamic-config-yaml", file_.path()}))),
      v1::BACKEND_SOURCE_FLAG)
      << "the command line wins";
}

}  // namespace
}  // namespace vllm_router::app
