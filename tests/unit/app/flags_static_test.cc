#include "server/app/flags_static.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vllm_router::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::string ErrorOf(const StaticLists& lists) {
  const auto backends = ParseStaticBackends(lists);
  return backends.ok() ? "(no error)" : std::string(backends.status().message());
}

TEST(StaticBackends, PairsTheListsByPosition) {
  const auto backends = ParseStaticBackends({.backends = "http://a:1, https://b/base",
                                             .models = "m1 ,m2",
                                             .model_types = "chat,rerank",
                                             .model_labels = "blue,green"});
  ASSERT_TRUE(backends.ok()) << backends.status();
  ASSERT_EQ(backends->size(), 2u);
  EXPECT_EQ(backends->at(0).url.text, "http://a:1");
  EXPECT_EQ(backends->at(1).url.text, "https://b/base");
  EXPECT_TRUE(backends->at(1).url.https);
  EXPECT_EQ(backends->at(0).model, "m1");
  EXPECT_EQ(backends->at(1).model, "m2");
  EXPECT_EQ(backends->at(1).model_type, "rerank");
  EXPECT_EQ(backends->at(1).label, "green");
}

TEST(StaticBackends, HasTheOriginalsTypeAndLabelUnlessTold) {
  const auto backends = ParseStaticBackends({.backends = "http://a", .models = "m"});
  ASSERT_TRUE(backends.ok()) << backends.status();
  EXPECT_EQ(backends->at(0).model_type, "chat");
  EXPECT_EQ(backends->at(0).label, "default");
}

TEST(StaticBackends, TakesEveryTypeOfTheOriginal) {
  for (const char* type : {"chat", "completion", "embeddings", "rerank", "score", "transcription",
                           "vision", "messages"}) {
    EXPECT_EQ(ErrorOf({.backends = "http://a", .models = "m", .model_types = type}), "(no error)");
  }
}

TEST(StaticBackends, RefusesListsOfDifferentLengths) {
  EXPECT_EQ(ErrorOf({.backends = "http://a,http://b,http://c", .models = "m,m"}),
            "URLs and models should have the same length: --static-backends has 3, "
            "--static-models has 2");
  EXPECT_EQ(ErrorOf({.backends = "http://a", .models = "m", .model_types = "chat,chat"}),
            "URLs and model types should have the same length: --static-backends has 1, "
            "--static-model-types has 2");
  EXPECT_EQ(ErrorOf({.backends = "http://a,http://b", .models = "m,m", .model_labels = "x"}),
            "URLs and model labels should have the same length: --static-backends has 2, "
            "--static-model-labels has 1");
}

TEST(StaticBackends, NamesTheEntryThatIsWrong) {
  EXPECT_THAT(ErrorOf({.backends = "http://a,ftp://b", .models = "m,m"}),
              ::testing::AllOf(HasSubstr("--static-backends entry 2: "), HasSubstr("ftp://b")));
  EXPECT_EQ(ErrorOf({.backends = "http://a,,http://b", .models = "m,m"}),
            "--static-backends '' (entry 2) is not allowed: it is empty");
  EXPECT_EQ(ErrorOf({.backends = "http://a,", .models = "m"}),
            "--static-backends '' (entry 2) is not allowed: it is empty");
  EXPECT_EQ(ErrorOf({.backends = "http://a,http://b", .models = "m, "}),
            "--static-models '' (entry 2) is not allowed: it is empty");
  EXPECT_EQ(ErrorOf({.backends = "http://a", .models = "m\nn"}),
            "--static-models 'm\\nn' (entry 1) is not allowed: it holds a control character");
  EXPECT_EQ(ErrorOf({.backends = "http://a", .models = "m", .model_types = "poem"}),
            "The model type 'poem' is not supported. Supported model types are 'chat, completion, "
            "embeddings, rerank, score, transcription, vision, messages' (--static-model-types, "
            "entry 1)");
}

TEST(StaticBackends, ShowsNoPassword) {
  EXPECT_THAT(ErrorOf({.backends = "http://me:hunter2@a", .models = "m"}),
              ::testing::AllOf(HasSubstr("entry 1"), ::testing::Not(HasSubstr("hunter2"))));
}

TEST(StaticBackends, MayRepeatAUrlWithAnotherModelButNotThePair) {
  EXPECT_EQ(ErrorOf({.backends = "http://a,http://a", .models = "m,n"}), "(no error)");
  EXPECT_EQ(ErrorOf({.backends = "http://a,http://b,http://a", .models = "m,m,m"}),
            "--static-backends 'http://a' is given twice for the model 'm' (entries 1 and 3): give "
            "each pair once");
}

class StaticAliases : public ::testing::Test {
 protected:
  void Serve(std::string_view urls, std::string_view models) {
    backends_ = *ParseStaticBackends({.backends = urls, .models = models});
  }
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseAliases(
      std::string_view aliases) {
    warnings_.clear();
    return ParseStaticAliases(aliases, backends_, &warnings_);
  }
  std::string ErrorOf(std::string_view aliases) {
    const auto parsed = ParseAliases(aliases);
    return parsed.ok() ? "(no error)" : std::string(parsed.status().message());
  }

  std::vector<StaticBackend> backends_;
  std::vector<std::string> warnings_;
};

TEST_F(StaticAliases, ArePairsOfAliasAndModel) {
  Serve("http://a,http://b", "m,n");
  EXPECT_THAT(ParseAliases("gpt-4:m, small : n").value(),
              ElementsAre(Pair("gpt-4", "m"), Pair("small", "n")));
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_THAT(ParseAliases("").value(), IsEmpty());
}

TEST_F(StaticAliases, SplitWhereTheModelIsServed) {
  Serve("http://a,http://b", "reg:5000/m:v1,n");
  EXPECT_THAT(ParseAliases("gpt:reg:5000/m:v1,team:gpt:n").value(),
              ElementsAre(Pair("gpt", "reg:5000/m:v1"), Pair("team:gpt", "n")));
}

TEST_F(StaticAliases, AreRefusedWhenTheSplitCannotBeTold) {
  Serve("http://a,http://b", "c,b:c");
  EXPECT_EQ(ErrorOf("a:b:c"),
            "--static-aliases 'a:b:c' (entry 1) is not allowed: more than one end of it is a model "
            "of --static-models");
  EXPECT_EQ(ErrorOf("x:c,a:b:z"),
            "--static-aliases 'a:b:z' (entry 2) is not allowed: no end of it is a model of "
            "--static-models");
}

TEST_F(StaticAliases, AreRefusedWithoutAnAliasOrAModel) {
  Serve("http://a", "m");
  for (const char* entry : {"m", ":m", "gpt:", ":", " : "}) {
    EXPECT_THAT(ErrorOf(entry), HasSubstr("(entry 1) is not allowed: give ALIAS:MODEL")) << entry;
  }
  EXPECT_EQ(ErrorOf("a:m,,b:m"), "--static-aliases '' (entry 2) is not allowed: it is empty");
}

TEST_F(StaticAliases, AreDistinct) {
  Serve("http://a,http://b", "m,n");
  EXPECT_EQ(ErrorOf("gpt:m,gpt:n"),
            "--static-aliases 'gpt:n' (entry 2) is not allowed: the alias is given twice");
}

TEST_F(StaticAliases, WarnOfAModelThatNobodyServesAndOfOneThatIsHidden) {
  Serve("http://a,http://b", "m,n");
  EXPECT_THAT(ParseAliases("gpt:gone,m:n").value(),
              ElementsAre(Pair("gpt", "gone"), Pair("m", "n")));
  EXPECT_THAT(warnings_,
              ElementsAre("--static-aliases 'gpt:gone' (entry 1): no backend serves the model "
                          "'gone'",
                          "--static-aliases 'm:n' (entry 2) hides the model 'm', which a backend "
                          "serves"));
}

}  // namespace
}  // namespace vllm_router::app
