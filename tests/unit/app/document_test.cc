#include "server/app/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace vllm_router::app {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Kind = DocumentNode::Kind;

constexpr DocumentFormat kBoth[] = {DocumentFormat::kYaml, DocumentFormat::kJson};

// The tree in one line: {key:value,...}, [item,...], ~ for null, 'text' when quoted.
std::string Show(const DocumentNode& node) {
  std::string out;
  switch (node.kind) {
    case Kind::kNull:
      return "~";
    case Kind::kScalar:
      return node.quoted ? absl::StrCat("'", node.text, "'") : node.text;
    case Kind::kList:
      for (const DocumentNode& item : node.items) {
        absl::StrAppend(&out, out.empty() ? "" : ",", Show(item));
      }
      return absl::StrCat("[", out, "]");
    case Kind::kMap:
      for (size_t i = 0; i < node.keys.size(); ++i) {
        absl::StrAppend(&out, out.empty() ? "" : ",", node.keys[i].text, ":", Show(node.items[i]));
      }
      return absl::StrCat("{", out, "}");
  }
  return out;
}

std::string Parsed(const std::string& text, DocumentFormat format) {
  const absl::StatusOr<DocumentNode> root = ParseDocument(text, format, "f");
  return root.ok() ? Show(*root) : std::string(root.status().message());
}
std::string Yaml(const std::string& text) { return Parsed(text, DocumentFormat::kYaml); }
std::string Json(const std::string& text) { return Parsed(text, DocumentFormat::kJson); }

TEST(Document, IsATreeOfPlainValues) {
  EXPECT_EQ(Yaml("a: 1\nb: [x, 'true']\nc:\n  d: ~\n  e:\n# end\n"),
            "{a:1,b:[x,'true'],c:{d:~,e:~}}");
  EXPECT_EQ(Json(R"({"a": 1, "b": ["x", true], "c": {"d": null, "e": -0.5 } })"),
            "{a:1,b:['x',true],c:{d:~,e:-0.5}}");
  EXPECT_EQ(Json(R"({"\u00e4": ["\u00df"]})"), "{\u00e4:['\u00df']}");
}

TEST(Document, MayBeEmpty) {
  for (const std::string text : {"", " \n", "\n\n"}) {
    EXPECT_EQ(Yaml(text), "~");
    EXPECT_EQ(Json(text), "~");
  }
  EXPECT_EQ(Yaml("# nothing\n---\n"), "~");
  EXPECT_EQ(Json("{}"), "{}");
}

TEST(Document, KnowsWhereEachPartStands) {
  for (const DocumentFormat format : kBoth) {
    const absl::StatusOr<DocumentNode> root =
        ParseDocument("{\"a\": 1,\n  \"b\": [2,\n 3]}", format, "f");
    ASSERT_TRUE(root.ok()) << root.status();
    EXPECT_EQ(root->keys[1].line, 2u);
    EXPECT_EQ(root->keys[1].column, 3u);
    EXPECT_EQ(root->items[1].column, 8u);
    EXPECT_EQ(root->items[1].items[1].line, 3u);
    EXPECT_EQ(root->items[1].items[1].column, 2u);
  }
}

TEST(Document, RefusesAKeyThatIsGivenTwice) {
  EXPECT_EQ(Yaml("a: 1\nb: 2\na: 3\n"), "f:3:1: 'a' is given twice");
  EXPECT_EQ(Json("{\"a\": {\"b\": 1,\n\"b\": 2}}"), "f:2:1: 'b' is given twice");
  EXPECT_EQ(Json(R"({"a": 1, "\u0061": 2})"), "f:1:10: 'a' is given twice");
}

TEST(Document, SaysWhereItIsNotWhatItShouldBe) {
  EXPECT_THAT(Yaml("a: 1\n  b: 2\n"), StartsWith("f:2:4: "));
  EXPECT_THAT(Yaml("a: [1\n"), StartsWith("f:2:1: "));
  EXPECT_THAT(Json("{\"a\": 1,\n \"b\" 2}"), StartsWith("f:2:6: it is not valid JSON: "));
  for (const std::string text :
       {"{\"a\": 1", "{\"a\": 01}", "{\"a\": 1.}", "{\"a\": tru}", "{\"a\": nul}", "{a: 1}",
        "{\"a\": 1,}", "[1 2]", "{\"a\": 'b'}", "{\"a\": \"\\x\"}", "{\"a\": 1}}", "{\"a\": 1} {}",
        "{\"a\": 1} x", "x", "1", "\"a\""}) {
    EXPECT_THAT(Json(text), StartsWith("f:1:")) << text;
  }
  for (const std::string text : {"{\"a\": \"\x01\"}", "{\"a\": \"\xff\"}", "{\"a\": \"b}"}) {
    EXPECT_THAT(Json(text), StartsWith("f: it is not valid JSON: ")) << text;
  }
}

TEST(Document, RefusesWhatMakesYamlHardToRead) {
  EXPECT_EQ(Yaml("a: &x [1]\nb: 2\n"), "f:1:4: anchors and aliases are not allowed");
  EXPECT_THAT(Yaml("a: *x\n"), HasSubstr("f:1:4: "));
  EXPECT_EQ(Yaml("a: !!python/object 1\n"), "f:1:4: tags are not allowed");
  EXPECT_EQ(Yaml("a: 1\n---\nb: 1\n"), "f:2:1: a second document is not allowed");
  EXPECT_EQ(Yaml("[a]: 1\n"), "f:1:1: a key has to be plain text");
  EXPECT_EQ(Yaml("~: 1\n"), "f:1:1: a key has to be plain text");
}

TEST(Document, EndsWhereYamlCppFindsNoEnd) {
  EXPECT_EQ(Yaml(","), "f:1:1: a second document is not allowed");
}

TEST(Document, ErrorsAreOneLine) {
  EXPECT_EQ(Yaml("a: \"\\\r\x01\""), "f:1:7: unknown escape character: \\r");
}

TEST(Document, IsNotExpandedByAliases) {
  std::string bomb = "a: &a [x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    absl::StrAppend(&bomb, std::string(1, c), ": &", std::string(1, c), " [*",
                    std::string(1, static_cast<char>(c - 1)), "]\n");
  }
  EXPECT_EQ(Yaml(bomb), "f:1:4: anchors and aliases are not allowed");
}

TEST(Document, HoldsNoControlCharacters) {
  EXPECT_EQ(Yaml("a: \"b\\0c\"\n"), "f:1:4: 'b\\x00c' holds a control character");
  EXPECT_EQ(Json("{\"a\":\n\"b\\u0000\"}"), "f:2:1: 'b\\x00' holds a control character");
  // The end of a block is none.
  EXPECT_EQ(Yaml("a: >\n  b,\n  c\n"), "{a:'b, c'}");
}

TEST(Document, IsBounded) {
  const auto nested = [](size_t depth) {
    return absl::StrCat(std::string(depth, '['), std::string(depth, ']'));
  };
  for (const DocumentFormat format : kBoth) {
    EXPECT_THAT(Parsed(nested(kMaxDocumentDepth), format), StartsWith("[["));
    EXPECT_EQ(Parsed(nested(kMaxDocumentDepth + 1), format),
              "f:1:65: it is nested more than 64 deep");
    EXPECT_EQ(Parsed(nested(50000), format), "f:1:65: it is nested more than 64 deep");
    EXPECT_EQ(Parsed(std::string(kMaxDocumentBytes + 1, ' '), format),
              "f: it is larger than 1048576 bytes");
  }
}

}  // namespace
}  // namespace vllm_router::app
