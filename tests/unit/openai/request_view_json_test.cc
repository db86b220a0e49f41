// Which bodies count as JSON objects: tables after the classes of JSONTestSuite (accept, refuse,
// left to the engine), every JSON case of the bad-input suite, and the promise about the bytes
// behind a body.
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/openai/request_view.h"
#include "tests/unit/openai/guarded_body.h"

namespace vllm_router::openai {
namespace {

const RequestError* Parse(const std::string& body, char fill = '\0') {
  const GuardedBody guarded(body, RequestViewParser::kPadding, fill);
  RequestViewParser parser;
  RequestView view;
  const RequestError* error =
      parser.Parse(guarded.body(), RequestViewParser::kPadding, "id", &view);
  if (error == nullptr) {
    EXPECT_EQ(view.model, "m") << body.substr(0, 100);
  }
  return error;
}

std::string Repeat(std::string_view text, size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::vector<std::string> ValidValues() {
  return {
      "[]",
      "[ ]",
      "{}",
      "[[]]",
      "[\"\"]",
      "[null]",
      "[1]",
      "[1,null,null,2]",
      "{\"a\":{}}",
      "{\"\":0}",
      "{\"a\":[]}",
      "{\"a\":1,\"a\":1}",
      "{\n\"a\" : \"b\"\n}",
      "0",
      "-0",
      "-1",
      "0e1",
      "1e-2",
      "1E+2",
      "123.456e78",
      "1e400",
      "-1e-999",
      "true",
      "false",
      "null",
      "\"\"",
      "\" \"",
      "\"\\u0000\"",
      "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
      "\"\\u0060\\u012a\\u12AB\"",
      "\"\\ud83d\\ude39\"",
      "\"\\\\\"",
      "\"/* no comment */\"",
      "\"{\\\"model\\\":1}\"",
      "\"\xE2\x82\xAC\"",
      "\"\xF0\x9D\x84\x9E\"",
      "\"\x7F\"",
      "\"\xF4\x8F\xBF\xBF\"",
      "[1,[2,[3,[4,{\"a\":[{}]}]]]]",
      "[{\"a\":\"b\"},{\"a\":\"c\"}]",
      std::string(10'000, '9'),
      "\"" + std::string(100'000, 's') + "\"",
      Repeat("[", 100'000) + Repeat("]", 100'000),
      Repeat("{\"a\":", 50'000) + "1" + Repeat("}", 50'000),
  };
}

TEST(RequestViewJson, AcceptsAnyValidValueBesideTheModel) {
  for (const std::string& value : ValidValues()) {
    EXPECT_EQ(Parse("{\"model\":\"m\",\"x\":" + value + "}"), nullptr) << value.substr(0, 100);
    EXPECT_EQ(Parse("{\"x\":" + value + ",\"model\":\"m\"}"), nullptr) << value.substr(0, 100);
  }
}

TEST(RequestViewJson, SaysThatAnotherValueIsNoObject) {
  for (const char* body :
       {"[]", "[{\"model\":\"m\"}]", "\"hello\"", "17", "true", "null", " \"\" "}) {
    EXPECT_EQ(Parse(body), &errors::kNotAnObject) << body;
  }
}

TEST(RequestViewJson, RefusesABrokenTopLevel) {
  const std::string cases[] = {
      " ",
      "\n",
      "{",
      "}",
      "{\"model\":\"m\"",
      "{\"model\":\"m",
      "{\"model\":\"m\"]",
      "{\"model\":\"m\",}",
      "{,\"model\":\"m\"}",
      "{\"model\":\"m\",,\"a\":1}",
      "{\"model\" \"m\"}",
      "{\"model\"}",
      "{\"model\":}",
      "{\"model\"::\"m\"}",
      "{\"model\":\"m\" \"a\":1}",
      "{\"model\":\"m\"}}",
      "{\"model\":\"m\"}{}",
      "{\"model\":\"m\"},",
      "{\"model\":\"m\"}x",
      "{\"model\":\"m\"}\"\"",
      "{\"model\":\"m\"}#",
      "{\"model\":\"m\"}//",
      "{\"model\":\"m\"}/**/",
      "/**/{\"model\":\"m\"}",
      "{/**/\"model\":\"m\"}",
      "{\"model\":\"m\"/**/}",
      "{\"model\":\"m\",\"a\":1/**/,\"b\":2/**/}/",
      "{'model':'m'}",
      "{model:\"m\"}",
      "{1:1,\"model\":\"m\"}",
      "{null:1,\"model\":\"m\"}",
      "{\"model\":\"m\",\"a\":}",
      "{\"a\":,\"model\":\"m\"}",
      "{\"model\":\"m\",\"a\"}",
      "{\"model\":\"m\",\"a\" 1}",
      "{\"model\":\"m\" b \"a\":1}",
      "{\"model\":\"m\",\"a\":1 2}",
      "{\"model\":\"m\";\"a\":1}",
      "{\"model\":\"m\",\"a\":\"b}",
      "{\"model\":\"m\",\"a\":[}",
      "{\"model\":\"m\",\"a\":[1,2}",
      "{\"model\":\"m\",\"a\":{\"b\":1}",
      "{\"model\":\"m\",\"a\":{\"b\":[{}}",
      "{\"model\":\"m\",\"a\":1]}",
      "{\"model\":\"m\",\"a\":}}",
      "{\"model\":\"m\",\"a\":1},\"model\":\"n\"}",
      "{\"model\":\"m\":1}",
      "{\"model\":\"m\":\"\",\"a\":}}",
      "{\"model\":\"m\",\"a\":\"b\":[1]}}",
      "<model>",
      "*",
      "\\u007b\"model\":\"m\"}",
      "{\"model\":'m'}x",
      std::string("{\"model\":\"m\"}\0", 14),
      std::string("\0{\"model\":\"m\"}", 14),
      std::string("{\0\"model\":\"m\"}", 14),
      "\f{\"model\":\"m\"}",
      "{\"model\":\"m\"}\v",
      "{\"model\":\"m\"}\xC2\xA0",
      "{\"model\":\"m\"}\xE2\x81\xA0",
      // Raw control characters and bytes that are not UTF-8, wherever they stand.
      "{\"model\":\"m\",\"a\":\"x\x01y\"}",
      "{\"model\":\"m\",\"a\":\"x\ny\"}",
      "{\"model\":\"m\",\"a\tb\":1}",
      "{\"model\":\"m\",\"a\":[\"\x1F\"]}",
      "{\"model\":\"m\",\"a\":\"\xFF\"}",
      "{\"model\":\"m\",\"\xE9\":1}",
      "{\"model\":\"m\",\"a\":\"\xC0\xAF\"}",
      "{\"model\":\"m\",\"a\":\"\xED\xA0\x80\"}",
      "{\"model\":\"m\",\"a\":\"\xF4\xBF\xBF\xBF\"}",
      "{\"model\":\"m\",\"a\":\"\xE2\x82\"}",

      "{\"model\":\"m\xC3\"}",
      "{\"model\":\"m\"}\xFF",
      "\xFF\xFE{\"model\":\"m\"}",
      Repeat("{", 100'000),
      Repeat("[", 100'000) + "}",
      Repeat("{\"a\":", 100'000),
      Repeat("{\"a\":", 100'000) + "}",
      "{\"model\":\"m\",\"a\":" + Repeat("[", 100'000) + "}",
      "{\"model\":\"m\",\"a\":" + Repeat("[{\"a\":", 50'000) + "}",
  };
  for (const std::string& body : cases) {
    const RequestError* error = Parse(body);
    ASSERT_NE(error, nullptr) << body.substr(0, 100);
    EXPECT_EQ(error->status, 400) << body.substr(0, 100);
  }
}

TEST(RequestViewJson, LeavesNestedAndScalarGarbageToTheEngine) {
  for (const char* value : {"[1,]",
                            "[,]",
                            "{\"a\"}",
                            "[1 2]",
                            "NaN",
                            "-Infinity",
                            "01",
                            "+1",
                            "0x1",
                            "1.",
                            ".5",
                            "tru",
                            "[1}",
                            "{\"a\":1]",
                            "\"\\x\"",
                            "\"\\ud800\"",
                            "\"\\uD83D\\u0041\"",
                            "'a'",
                            "[/**/]",
                            "1/**/"}) {
    EXPECT_EQ(Parse("{\"a\":" + std::string(value) + ",\"model\":\"m\"}"), nullptr) << value;
  }
}

// Bodies of the bad-input suite's category `json` that a router can judge by the body alone.
TEST(RequestViewJson, AnswersTheBadInputCases) {
  const std::string rest = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";
  std::string utf16;
  for (char c : "{\"model\":\"m\"," + rest + "}") utf16 += {c, '\0'};
  std::string many_keys = "{\"model\":\"m\"";
  for (int i = 0; i < 90'000; ++i) many_keys += ",\"k" + std::to_string(i) + "\":0";
  const auto with_content = [](std::string_view content) {
    return "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":" + std::string(content) +
           "}]}";
  };
  const struct {
    const char* id;
    std::string body;
    bool accepted;
  } kCases[] = {
      {"empty", "", false},
      {"truncated", "{\"model\":\"m\",\"messages\":[{\"role\":", false},
      {"bad-utf8", with_content("\"\xFF\xFE\""), false},
      {"utf16", utf16, false},
      {"utf16-bom", "\xFF\xFE" + utf16, false},
      {"bom", "\xEF\xBB\xBF{\"model\":\"m\"," + rest + "}", true},
      {"deep-unclosed", Repeat("{", 100'000), false},
      {"deep-closed", with_content(Repeat("[", 100'000) + Repeat("]", 100'000)), true},
      {"dup-model", "{\"model\":\"m\",\"model\":\"no-such-model\"," + rest + "}", false},
      {"dup-model-escaped", "{\"model\":\"m\",\"mod\\u0065l\":\"no-such-model\"," + rest + "}",
       false},
      {"model-null", "{\"model\":null,\"messages\":[]}", false},
      {"model-number", "{\"model\":7,\"messages\":[]}", false},
      {"model-empty", "{\"model\":\"\",\"messages\":[]}", false},
      {"model-nul", "{\"model\":\"m\\u0000\",\"messages\":[]}", false},
      {"model-crlf", "{\"model\":\"m\\r\\nX-Injected: 1\",\"messages\":[]}", false},
      {"model-100k", "{\"model\":\"" + std::string(100'000, 'm') + "\",\"messages\":[]}", false},
      {"num-1e400", "{\"model\":\"m\"," + rest + ",\"temperature\":1e400}", true},
      {"num-10k", "{\"model\":\"m\"," + rest + ",\"seed\":" + std::string(10'000, '9') + "}", true},
      {"nan", "{\"model\":\"m\"," + rest + ",\"temperature\":NaN}", true},
      {"trailing-comma", "{\"model\":\"m\"," + rest + ",\"max_tokens\":4,}", false},
      {"trailing-data", "{\"model\":\"m\"," + rest + "} x", false},
      {"trailing-object", "{\"model\":\"m\"," + rest + "}{\"model\":\"n\"}", false},
      {"comment", "{\"model\":\"m\",/*c*/" + rest + "}", false},
      {"raw-control",
       with_content("\"a\x01"
                    "b\""),
       false},
      {"top-string", "\"hello\"", false},
      {"top-array", "[{\"model\":\"m\"}]", false},
      {"lone-surrogate", with_content("\"\\ud800\""), true},
      {"stream-string", "{\"model\":\"m\"," + rest + ",\"stream\":\"true\"}", true},
      {"100k-keys", many_keys + "}", true},
      {"gzip", std::string("\x1F\x8B\x08\x00\x00\x00\x00\x00\x02\xFF\xAB\x56", 12), false},
  };
  for (const auto& c : kCases) {
    const RequestError* error = Parse(c.body);
    EXPECT_EQ(error == nullptr, c.accepted) << c.id;
    if (error != nullptr) {
      EXPECT_EQ(error->status, 400) << c.id;
    }
  }
}

TEST(RequestViewJson, KeepsTheOriginalsTexts) {
  EXPECT_EQ(Parse("nope")->message, "Invalid request: request body must be valid JSON.");
  EXPECT_EQ(Parse("[]")->message, "Invalid request: request body must be a JSON object.");
  EXPECT_EQ(Parse("{}")->message, "Invalid request: missing 'model' in request body.");
}

// Whatever stands behind the body, and whichever length cuts it off, the answer is that of the body
// alone. Every prefix of a body lies at a page's end, so that reading past the padding would crash.
TEST(RequestViewJson, DependsOnNoByteBehindTheBody) {
  const std::string whole =
      "{\"messages\":[{\"role\":\"user\",\"content\":\"a \\\"quoted\\\" \\u20ac "
      "word\"}],\"id\":12.5,"
      "\"m\\u006fdel\":\"m\",\"stream\":true,\"tools\":[[],{}],\"n\":null}";
  for (size_t length = 0; length <= whole.size(); ++length) {
    const std::string body = whole.substr(0, length);
    for (char fill : {'\0', ' ', '"', '}', ']', ',', ':', '{', '\\', '1', 'e', '\xFF'}) {
      const RequestError* error = Parse(body, fill);
      EXPECT_EQ(error == nullptr, length == whole.size()) << length << ", padding of " << fill;
    }
  }
  for (const char* open : {"{\"model\":\"m\",\"a\":}", "{\"model\":\"m\",\"a\":[}",
                           "{\"model\":\"m\",\"a\":,\"b\":1}"}) {
    for (char fill : {'}', ']', ',', '"'})
      EXPECT_EQ(Parse(open, fill), &errors::kInvalidJson) << open;
  }
}

}  // namespace
}  // namespace vllm_router::openai
