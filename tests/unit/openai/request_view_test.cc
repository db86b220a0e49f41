#include "server/openai/request_view.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/openai/guarded_body.h"

namespace vllm_router::openai {
namespace {

using ::testing::Eq;
using ::testing::Optional;

// Owns what the views of the last Parse point to.
class RequestViewTest : public ::testing::Test {
 protected:
  const RequestError* Parse(std::string_view body, std::string_view session_key = "") {
    body_ = std::make_unique<GuardedBody>(body);
    return parser_.Parse(body_->body(), RequestViewParser::kPadding, session_key, &view_);
  }
  std::string_view Literal() const {
    return body_->body().substr(view_.model_value_offset, view_.model_value_length);
  }

  RequestViewParser parser_;
  std::unique_ptr<GuardedBody> body_;
  RequestView view_;
};

TEST_F(RequestViewTest, FindsModelAndStreamWhereverTheyStand) {
  ASSERT_EQ(
      Parse(R"({"messages":[{"role":"user","content":"model"}],"stream":true,"model":"a/b"})"),
      nullptr);
  EXPECT_EQ(view_.model, "a/b");
  EXPECT_EQ(Literal(), R"("a/b")");
  EXPECT_TRUE(view_.stream);
  EXPECT_EQ(view_.session_id, std::nullopt);

  ASSERT_EQ(Parse(" {\t\"model\" :\r\n \"x\"  , \"n\": [1, {\"model\": 2, \"stream\": true}] }\n "),
            nullptr);
  EXPECT_EQ(view_.model, "x");
  EXPECT_EQ(Literal(), R"("x")");
  EXPECT_FALSE(view_.stream) << "a value of the body before must not show through";
}

TEST_F(RequestViewTest, UnescapesTheModelAndLocatesItsLiteral) {
  ASSERT_EQ(Parse(R"({"model":"a\/\u0062\"\\\ud83d\ude00","n":1})"), nullptr);
  EXPECT_EQ(view_.model, "a/b\"\\\xF0\x9F\x98\x80");
  EXPECT_EQ(Literal(), R"("a\/\u0062\"\\\ud83d\ude00")");
}

TEST_F(RequestViewTest, TakesAnEscapedKeyForWhatItSpells) {
  ASSERT_EQ(Parse(R"({"mod\u0065l":"x","\u0073tream":true})"), nullptr);
  EXPECT_EQ(view_.model, "x");
  EXPECT_TRUE(view_.stream);
}

TEST_F(RequestViewTest, ReadsTheRestOfABodyThatOnlyLacksAModel) {
  EXPECT_EQ(Parse(R"({"user":"alice","stream":true})", "user"), &errors::kMissingModel);
  EXPECT_THAT(view_.session_id, Optional(Eq("alice")));
  EXPECT_TRUE(view_.stream);
}

TEST_F(RequestViewTest, RefusesAModelThatIsNoName) {
  const std::string longest(1024, 'm');
  ASSERT_EQ(Parse("{\"model\":\"" + longest + "\"}"), nullptr);
  EXPECT_EQ(view_.model, longest);

  const struct {
    std::string body;
    const RequestError* error;
  } kCases[] = {
      {"", &errors::kMissingModel},
      {"{}", &errors::kMissingModel},
      {R"({"models":"x","mode":"y"})", &errors::kMissingModel},
      {R"({"model":null})", &errors::kMissingModel},
      {R"({"model":""})", &errors::kModelEmpty},
      {R"({"model":7})", &errors::kModelNotAString},
      {R"({"model":true})", &errors::kModelNotAString},
      {R"({"model":["x"]})", &errors::kModelNotAString},
      {R"({"model":{"model":"x"}})", &errors::kModelNotAString},
      {R"({"model":gpt})", &errors::kModelNotAString},
      {"{\"model\":\"" + longest + "m\"}", &errors::kModelTooLong},
      {"{\"model\":\"" + std::string(100'000, 'x') + "\"}", &errors::kModelTooLong},
      {R"({"model":"x\u0000"})", &errors::kModelHasControlCharacters},
      {R"({"model":"x\r\ny"})", &errors::kModelHasControlCharacters},
      {R"({"model":"\u001f"})", &errors::kModelHasControlCharacters},
      {R"({"model":"a\u007f"})", &errors::kModelHasControlCharacters},
      {"{\"model\":\"a\x7F\"}", &errors::kModelHasControlCharacters},
      {R"({"model":"\ud800"})", &errors::kInvalidJson},
      {R"({"model":"\udc00"})", &errors::kInvalidJson},
      {R"({"model":"\udc00\ud800"})", &errors::kInvalidJson},
      {R"({"model":"\x41"})", &errors::kInvalidJson},
      {R"({"model":"\u12g4"})", &errors::kInvalidJson},
      {R"({"model":"a"b"})", &errors::kInvalidJson},
  };
  for (const auto& c : kCases) EXPECT_EQ(Parse(c.body), c.error) << c.body.substr(0, 80);
}

TEST_F(RequestViewTest, AcceptsAModelWithBytesThatOnlyLookOdd) {
  for (const char* model :
       {"../../etc/passwd", "http://10.0.0.1/", "héllo", " ", "\xC2\x80", "'"}) {
    ASSERT_EQ(Parse("{\"model\":\"" + std::string(model) + "\"}"), nullptr) << model;
    EXPECT_EQ(view_.model, model);
  }
}

TEST_F(RequestViewTest, RefusesASecondModelOrStreamHoweverItIsSpelled) {
  const struct {
    const char* body;
    const RequestError* error;
  } kCases[] = {
      {R"({"model":"a","model":"b"})", &errors::kDuplicateModel},
      {R"({"model":"a","model":"a"})", &errors::kDuplicateModel},
      {R"({"model":"a","mod\u0065l":"b"})", &errors::kDuplicateModel},
      {R"({"\u006dodel":"a","model":"b"})", &errors::kDuplicateModel},
      {R"({"\u006D\u006F\u0064\u0065\u006C":"a","x":[],"model":"b"})", &errors::kDuplicateModel},
      {R"({"model":null,"model":"b"})", &errors::kDuplicateModel},
      {R"({"model":{"a":[1]},"model":"b"})", &errors::kDuplicateModel},
      {R"({"stream":false,"model":"a","stream":true})", &errors::kDuplicateStream},
      {R"({"stream":false,"model":"a","\u0073tream":true})", &errors::kDuplicateStream},
  };
  for (const auto& c : kCases) EXPECT_EQ(Parse(c.body), c.error) << c.body;
  EXPECT_EQ(
      Parse(R"({"model":"a","Model":"b"," model":"c","n":1,"n":2,"o":{"model":1,"model":2}})"),
      nullptr);
}

TEST_F(RequestViewTest, TakesOnlyTheLiteralTrueForAStream) {
  for (const char* value : {"false", "null", "1", "\"true\"", "[true]", "truex", "tru", "{}"}) {
    ASSERT_EQ(Parse("{\"stream\":" + std::string(value) + ",\"model\":\"m\"}"), nullptr) << value;
    EXPECT_FALSE(view_.stream) << value;
  }
}

TEST_F(RequestViewTest, ReadsTheSessionIdAsThePythonTextOfItsValue) {
  const struct {
    const char* value;
    std::optional<std::string_view> id;
  } kCases[] = {
      {R"("user-42")", "user-42"},
      {R"("")", ""},
      {R"("h\u00e9llo")", "héllo"},
      {"5", "5"},
      {"5.0", "5.0"},
      {"-1e5 ", "-1e5"},
      {"12345678901234567890123", "12345678901234567890123"},
      {"true", "True"},
      {"false", "False"},
      {"null", std::nullopt},
      {"[1]", std::nullopt},
      {R"({"x-user-id":"y"})", std::nullopt},
      {"nope", std::nullopt},
      {"5x", std::nullopt},
  };
  for (const auto& c : kCases) {
    const std::string value = c.value;
    ASSERT_EQ(Parse("{\"model\":\"m\",\"x-user-id\":" + value + ",\"n\":1}", "x-user-id"), nullptr);
    EXPECT_EQ(view_.session_id, c.id) << value;
    ASSERT_EQ(Parse("{\"model\":\"m\",\"x-user-id\":" + value + "}", "x-user-id"), nullptr);
    EXPECT_EQ(view_.session_id, c.id) << value << " as the last value";
  }
  ASSERT_EQ(Parse(R"({"model":"m","o":{"x-user-id":"y"}})", "x-user-id"), nullptr);
  EXPECT_EQ(view_.session_id, std::nullopt) << "only the top level counts";
  ASSERT_EQ(Parse(R"({"model":"m","x-us\u0065r-id":"a","x-user-id":"b"})", "x-user-id"), nullptr);
  EXPECT_THAT(view_.session_id, Optional(Eq("b"))) << "the last one counts";
  ASSERT_EQ(Parse(R"({"":"a","model":"m"})", ""), nullptr);
  EXPECT_EQ(view_.session_id, std::nullopt) << "no key, no session";
}

TEST_F(RequestViewTest, SharesAKeyBetweenTheSessionAndTheModelOrStream) {
  ASSERT_EQ(Parse(R"({"stream":true,"model":"m\u0041"})", "model"), nullptr);
  EXPECT_THAT(view_.session_id, Optional(Eq("mA")));
  EXPECT_EQ(view_.model, "mA");
  ASSERT_EQ(Parse(R"({"stream":true,"model":"m"})", "stream"), nullptr);
  EXPECT_THAT(view_.session_id, Optional(Eq("True")));
  EXPECT_TRUE(view_.stream);
}

TEST_F(RequestViewTest, AcceptsAByteOrderMarkAndCountsItInOffsets) {
  ASSERT_EQ(Parse("\xEF\xBB\xBF{\"model\":\"m\"}"), nullptr);
  EXPECT_EQ(view_.model, "m");
  EXPECT_EQ(Literal(), "\"m\"");
  EXPECT_EQ(Parse("\xEF\xBB\xBF"), &errors::kInvalidJson);
  EXPECT_EQ(Parse("\xEF\xBB\xBF\xEF\xBB\xBF{\"model\":\"m\"}"), &errors::kInvalidJson);
  EXPECT_EQ(Parse(" \xEF\xBB\xBF{\"model\":\"m\"}"), &errors::kInvalidJson);
}

TEST_F(RequestViewTest, CopiesABodyThatHasNoPadding) {
  const std::string text = "\xEF\xBB\xBF{\"model\" : \"m\\u0041\", \"id\":17}";
  for (size_t padding : {size_t{0}, size_t{63}}) {
    const GuardedBody body(text, padding);
    ASSERT_EQ(parser_.Parse(body.body(), padding, "id", &view_), nullptr);
    EXPECT_EQ(view_.model, "mA");
    EXPECT_THAT(view_.session_id, Optional(Eq("17")));
    EXPECT_EQ(text.substr(view_.model_value_offset, view_.model_value_length), "\"m\\u0041\"");
  }
}

TEST_F(RequestViewTest, ReadsLargeBodiesAndSmallOnesAfterThem) {
  const std::string large =
      "{\"prompt\":\"" + std::string(3 << 20, 'x') + "\",\"model\":\"large\",\"stream\":true}";
  for (int round = 0; round < 2; ++round) {
    ASSERT_EQ(Parse(large), nullptr);
    EXPECT_EQ(view_.model, "large");
    for (int i = 0; i < 100; ++i) {  // enough for the buffers to be given back
      ASSERT_EQ(Parse(R"({"model":"small"})"), nullptr);
      ASSERT_EQ(view_.model, "small");
    }
  }
}

TEST_F(RequestViewTest, SplicesAnAliasAndLeavesTheOtherBytesAlone) {
  const std::string body = "{ \"a\":[1 , 2],\"model\" : \"x\\u0041\" ,\"b\":\"\xC3\xA9\"}\n";
  ASSERT_EQ(Parse(body), nullptr);
  const std::string spliced = SpliceModel(body, view_, "org/\"new\"\\\xC3\xA9");
  EXPECT_EQ(spliced,
            "{ \"a\":[1 , 2],\"model\" : \"org/\\\"new\\\"\\\\\xC3\xA9\" ,\"b\":\"\xC3\xA9\"}\n");
  ASSERT_EQ(Parse(spliced), nullptr);
  EXPECT_EQ(view_.model, "org/\"new\"\\\xC3\xA9");
}

}  // namespace
}  // namespace vllm_router::openai
