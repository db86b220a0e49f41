#include "server/openai/multipart.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/openai/guarded_body.h"

namespace vllm_router::openai {
namespace {

using ::testing::Eq;
using ::testing::Optional;

std::string Field(std::string_view name, std::string_view value) {
  return "--B\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" +
         std::string(value) + "\r\n";
}

std::string File(std::string_view name, std::string_view content) {
  return "--B\r\nContent-Disposition: form-data; name=\"" + std::string(name) +
         "\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n" + std::string(content) +
         "\r\n";
}

// A part whose header is given line by line, each with its line end.
std::string Part(std::string_view header, std::string_view value = "m") {
  return "--B\r\n" + std::string(header) + "\r\n" + std::string(value) + "\r\n";
}

const std::string kEnd = "--B--\r\n";

// Owns what the views of the last Scan point to.
class Multipart : public ::testing::Test {
 protected:
  const RequestError* Scan(std::string body, std::string_view boundary = "B",
                           std::string_view session_key = "user") {
    body_ = std::move(body);
    return ScanMultipart(body_, boundary, session_key, &view_);
  }

  std::string body_;
  MultipartView view_;
};

TEST(ParseBoundary, FindsTheBoundaryInAnyCustomarySpelling) {
  const struct {
    const char* content_type;
    const char* boundary;
  } kCases[] = {
      {"multipart/form-data; boundary=abc", "abc"},
      {"Multipart/Form-Data;BOUNDARY=\"a b\"", "a b"},
      {"multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
       "----WebKitFormBoundary7MA4YWxkTrZu0gW"},
      {"multipart/form-data; boundary=\"----=_Part_1_123.456\" ; x=y;", "----=_Part_1_123.456"},
      {"multipart/form-data ;boundary=----=_Part_1:2/3?(4)", "----=_Part_1:2/3?(4)"},
      {"multipart/form-data; "
       "boundary=0123456789012345678901234567890123456789012345678901234567890123456789",
       "0123456789012345678901234567890123456789012345678901234567890123456789"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(ParseBoundary(c.content_type), Optional(Eq(c.boundary))) << c.content_type;
  }
}

TEST(ParseBoundary, RefusesWhatIsNoneOrAmbiguous) {
  for (const char* content_type :
       {"",
        "application/json",
        "multipart/form-data",
        "multipart/mixed; boundary=a",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=a b",
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a; boundary=a",
        "multipart/form-data; boundary=a; boundary*=b",
        "multipart/form-data; boundary*=utf-8''a",
        "multipart/form-data; boundary*0=a",
        "multipart/form-data; boundary=\"a\\\"b\"",
        "multipart/form-data; boundary=\"a\"b",
        "multipart/form-data; boundary=a\"b\"",
        "multipart/form-data; boundary",
        "multipart/form-data boundary=a",
        "multipart/form-data; boundary=\xC3\xA9",
        "multipart/form-data; boundary=a,b;c",
        "multipart/form-data; boundary=a; charset=utf-7",
        "multipart/form-data; boundary=a; charset*=utf-8''x",
        "multipart/form-data; "
        "boundary=01234567890123456789012345678901234567890123456789012345678901234567890"}) {
    EXPECT_EQ(ParseBoundary(content_type), std::nullopt) << content_type;
  }
}

TEST_F(Multipart, FindsTheModelAmongFields) {
  const std::string body = Field("language", "en") + File("file", "RIFF") +
                           Field("model", "openai/whisper-1") + Field("stream", "true") +
                           Field("user", "u1") + kEnd;
  ASSERT_EQ(Scan(body), nullptr);
  EXPECT_EQ(view_.model, "openai/whisper-1");
  EXPECT_EQ(body.substr(view_.model_value_offset, view_.model_value_length), "openai/whisper-1");
  EXPECT_TRUE(view_.stream);
  EXPECT_THAT(view_.session_id, Optional(Eq("u1")));

  ASSERT_EQ(Scan(Field("model", "m") + Field("stream", "false") + kEnd), nullptr);
  EXPECT_FALSE(view_.stream);
  EXPECT_EQ(view_.session_id, std::nullopt) << "a value of the body before must not show through";
}

TEST_F(Multipart, ReadsNamesInAnyCustomarySpelling) {
  for (const char* header :
       {"Content-Disposition: form-data; name=\"model\"\r\n",
        "content-disposition:form-data;name=model\r\n",
        "Content-Disposition: form-data ; NAME=\"model\" ;\r\n",
        "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; "
        "name=\"model\"\r\n",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: 8bit\r\n",
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Length: 1\r\n"}) {
    ASSERT_EQ(Scan(Part(header) + kEnd), nullptr) << header;
    EXPECT_EQ(view_.model, "m") << header;
  }
}

TEST_F(Multipart, TakesNoOtherNameForTheModel) {
  for (const char* parameters :
       {"name=\"Model\"", "name=\"models\"", "name=\" model\"", "name=\"\"",
        "filename=\"x\"; name=\"y\"", "name=\"x\"; filename=\"name=model\"",
        "name=\"x\"; filename=\"\\\"; name=\\\"model\"", "name=\"x;name=model\"",
        "xname=\"model\"; name=\"x\""}) {
    const std::string header =
        "Content-Disposition: form-data; " + std::string(parameters) + "\r\n";
    EXPECT_EQ(Scan(Part(header) + kEnd), &errors::kMissingModelInForm) << parameters;
  }
}

TEST_F(Multipart, AllowsFilesOfAnyContent) {
  std::string binary;
  for (int i = 0; i < 100'000; ++i) binary += static_cast<char>(i * 2654435761u >> 13);
  const std::string contents[] = {
      "",
      "\r\n",
      "\r",
      "\n",
      "--",
      "--B",
      "x--B\r\n",
      "--B--",
      "\r\n--",
      "\r\n-B\r\n",
      "\r\n--b\r\n",
      "--\r\n--A",
      "x\n-- B",
      "\r--B",
      "\r\n\r\n--C\r\n\r\n",
      "a\r\n--A--\r\n",
      std::string("\0\0", 2),
      binary,
      "Content-Disposition: form-data; name=\"model\"\r\n\r\nother",
      std::string(1 << 20, '-'),
      std::string(1 << 20, '\n'),
  };
  for (const std::string& content : contents) {
    if (content.starts_with("--B")) continue;  // see RefusesABoundaryWhereDataShouldBegin
    ASSERT_EQ(Scan(File("file", content) + Field("model", "m") + kEnd), nullptr)
        << content.substr(0, 40);
    EXPECT_EQ(view_.model, "m");
  }
}

TEST_F(Multipart, FindsTheDelimiterAtAnyDistanceAndAmongThoseThatResembleIt) {
  for (size_t size = 0; size < 300; ++size) {
    for (const std::string& filler :
         {std::string("x"), std::string("\n--"), std::string("\r\n--A")}) {
      std::string content = "x";
      while (content.size() < size) content += filler;
      const std::string body = File("file", content) + Field("model", "m") + kEnd;
      const GuardedBody guarded(body, 0);  // nothing behind the body may be read
      ASSERT_EQ(ScanMultipart(guarded.body(), "B", "user", &view_), nullptr) << size;
      ASSERT_EQ(view_.model, "m") << size;
    }
  }
}

TEST_F(Multipart, KeepsLineEndsInsideAValue) {
  ASSERT_EQ(Scan(Field("user", "a\r\nb\r\n") + Field("model", "m") + kEnd), nullptr);
  EXPECT_THAT(view_.session_id, Optional(Eq("a\r\nb\r\n")));
}

TEST_F(Multipart, SkipsPreambleAndEpilogue) {
  const std::string fields = Field("model", "m");
  for (const std::string& body :
       {fields + "--B--", fields + "--B--\r\n", fields + "--B-- \r\nepilogue --B",
        "\r\n" + fields + kEnd, "preamble --B\r\n\r\n" + fields + kEnd, fields + "--B--\nrest"}) {
    EXPECT_EQ(Scan(body), nullptr) << body;
  }
}

TEST_F(Multipart, RefusesABoundaryThatParsersReadDifferently) {
  const std::string model = Field("model", "m");
  for (const std::string& body : {
           File("file", "x\n--B\r\n") + model + kEnd,     // bare line feed before it
           File("file", "x\r\n--Bx") + model + kEnd,      // something behind it
           File("file", "x\r\n--B \r\n") + model + kEnd,  // transport padding
           File("file", "x\r\n--B\n") + model + kEnd,     // bare line feed behind it
           File("file", "x\r\n--B-") + model + kEnd,      // one dash
           File("file", "--B\r\n") + model + kEnd,        // no data before it
           File("file", "\n--B\r\n") + model + kEnd,
           model + "--B--x",
           model + kEnd + model + kEnd,  // parts behind the end
           model + "--B--\n--B\r\n",
           "preamble\n" + model + kEnd,
           "\n" + model + kEnd,
           "--Bx\r\n" + model + kEnd,
           "--B \r\n" + model + kEnd,
       }) {
    EXPECT_EQ(Scan(body), &errors::kInvalidMultipart) << body;
  }
}

TEST_F(Multipart, RefusesABodyThatIsCutAnywhere) {
  const std::string body = "pre\r\n" + File("file", "RIFF") + Field("model", "m") + "--B--";
  ASSERT_EQ(Scan(body), nullptr);
  for (size_t length = 0; length < body.size(); ++length) {
    EXPECT_EQ(Scan(body.substr(0, length)), &errors::kInvalidMultipart) << length;
  }
}

TEST_F(Multipart, RefusesAPartWithoutOneClearName) {
  const std::string model = Field("model", "m");
  for (const char* header : {
           "",
           "Content-Type: text/plain\r\n",
           "Content-Disposition: form-data\r\n",
           "Content-Disposition: attachment; name=\"x\"\r\n",
           "Content-Disposition: form-data; name=\"x\"; name=\"model\"\r\n",
           "Content-Disposition: form-data; name=\"x\"; name*=utf-8''model\r\n",
           "Content-Disposition: form-data; name*=utf-8''model\r\n",
           "Content-Disposition: form-data; name*0=\"mo\"; name*1=\"del\"\r\n",
           "Content-Disposition: form-data; name=\"mod\\el\"\r\n",
           "Content-Disposition: form-data; name=\"x\r\n",
           "Content-Disposition: form-data; name=\"x\"y\r\n",
           "Content-Disposition: form-data; name=x\"y\"\r\n",
           "Content-Disposition: form-data; name\r\n",
           "Content-Disposition: form-data; =x; name=y\r\n",
           "Content-Disposition: form-data; filename=\"a\\\\\"; name=\"x\"\r\n",
           "Content-Disposition: form-data; name=\"x\"\r\nContent-Disposition: form-data; "
           "name=\"y\"\r\n",
           "Content-Disposition: form-data;\r\n name=\"x\"\r\n",
           "Content-Disposition : form-data; name=\"x\"\r\n",
           " Content-Disposition: form-data; name=\"x\"\r\n",
           "Content-Disposition: form-data; name=\"x\"\nX: y\r\n",
           "Content-Disposition: form-data; name=\"x\"\rX: y\r\n",
           "Content-Disposition: form-data; name=\"x\"\r\n: y\r\n",
           "Content-Disposition: form-data; name=\"x\"\r\nnonsense\r\n",
           "Content-Disposition: form-data; name=\"x\"\r\n--B:\r\n",
       }) {
    EXPECT_EQ(Scan(Part(header) + model + kEnd), &errors::kInvalidMultipart) << header;
  }
  const std::string nul("Content-Disposition: form-data; name=\"x\"; y=\"\0\"\r\n", 48);
  EXPECT_EQ(Scan(Part(nul) + model + kEnd), &errors::kInvalidMultipart);
}

TEST_F(Multipart, RefusesAModelThatIsNoName) {
  const struct {
    std::string body;
    const RequestError* error;
  } kCases[] = {
      {kEnd, &errors::kMissingModelInForm},
      {Field("file", "x"), &errors::kInvalidMultipart},
      {Field("file", "x") + kEnd, &errors::kMissingModelInForm},
      {Field("model", "") + kEnd, &errors::kMissingModelInForm},
      {Field("model", "m") + Field("model", "m") + kEnd, &errors::kDuplicateModel},
      {Field("model", "") + Field("model", "m") + kEnd, &errors::kDuplicateModel},
      {File("model", "m") + kEnd, &errors::kInvalidMultipart},
      {Field("model", "m\r\nn") + kEnd, &errors::kModelHasControlCharacters},
      {Field("model", std::string("m\0", 2)) + kEnd, &errors::kModelHasControlCharacters},
      {Field("model", "\x7F") + kEnd, &errors::kModelHasControlCharacters},
      {Field("model", "\xFF") + kEnd, &errors::kModelNotUtf8},
      {Field("model", "\xED\xA0\x80") + kEnd, &errors::kModelNotUtf8},
      {Field("model", std::string(1025, 'm')) + kEnd, &errors::kModelTooLong},
      {Part("Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: "
            "base64\r\n") +
           kEnd,
       &errors::kInvalidMultipart},
      {Part("Content-Disposition: form-data; name=\"model\"; filename*=utf-8''x\r\n") + kEnd,
       &errors::kInvalidMultipart},
  };
  for (const auto& c : kCases) EXPECT_EQ(Scan(c.body), c.error) << c.body.substr(0, 120);
  EXPECT_EQ(Scan(Field("model", std::string(1024, 'm')) + kEnd), nullptr);
  EXPECT_EQ(Scan(Field("model", "h\xC3\xA9llo") + kEnd), nullptr);
}

TEST_F(Multipart, TakesTheLastTextFieldForTheSession) {
  ASSERT_EQ(
      Scan(Field("user", "a") + Field("user", "") + File("user", "c") + Field("model", "m") + kEnd),
      nullptr);
  EXPECT_THAT(view_.session_id, Optional(Eq("")));
  ASSERT_EQ(Scan(Field("", "a") + Field("model", "m") + kEnd, "B", ""), nullptr);
  EXPECT_EQ(view_.session_id, std::nullopt);
}

TEST_F(Multipart, BoundsPartsAndTheirHeaders) {
  std::string body = Field("model", "m");
  for (size_t i = 1; i < kMaxParts; ++i) body += Field("x", "");
  EXPECT_EQ(Scan(body + kEnd), nullptr);
  EXPECT_EQ(Scan(body + Field("x", "") + kEnd), &errors::kInvalidMultipart);

  const std::string disposition = "Content-Disposition: form-data; name=\"model\"\r\n";
  const std::string padding_name = "X: ";
  // With both line ends of the last line the header has exactly the bound.
  const size_t longest = kMaxPartHeaderBytes - disposition.size() - padding_name.size() - 4;
  EXPECT_EQ(Scan(Part(disposition + padding_name + std::string(longest, 'x') + "\r\n") + kEnd),
            nullptr);
  EXPECT_EQ(Scan(Part(disposition + padding_name + std::string(longest + 1, 'x') + "\r\n") + kEnd),
            &errors::kInvalidMultipart);
}

TEST_F(Multipart, RefusesABoundaryThatIsNone) {
  const std::string body = "--\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n----";
  EXPECT_EQ(Scan(body, "", ""), &errors::kInvalidMultipart);
  EXPECT_EQ(Scan(body, std::string(71, 'b'), ""), &errors::kInvalidMultipart);
  EXPECT_EQ(Scan(body, "\r\n", ""), &errors::kInvalidMultipart);
}

TEST_F(Multipart, FindsABoundaryOfSeventyCharacters) {
  const std::string boundary(70, '-');
  const std::string body = "--" + boundary +
                           "\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--" +
                           boundary + "--";
  ASSERT_EQ(Scan(body, boundary, ""), nullptr);
  EXPECT_EQ(view_.model, "m");
}

TEST_F(Multipart, SplicesAnAliasAndLeavesTheOtherBytesAlone) {
  const std::string body =
      File("file", "model") + Field("model", "alias") + Field("user", "u") + kEnd;
  ASSERT_EQ(Scan(body), nullptr);
  EXPECT_EQ(SpliceModel(body, view_, "org/real-model"),
            File("file", "model") + Field("model", "org/real-model") + Field("user", "u") + kEnd);
}

}  // namespace
}  // namespace vllm_router::openai
