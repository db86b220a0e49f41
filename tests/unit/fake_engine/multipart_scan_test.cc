#include "tools/fake_engine/multipart_scan.h"

#include <gtest/gtest.h>

#include <string>

namespace vllm_router::fake_engine {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=\"b-1\"";
const std::string kFile = "RIFF\r\n--b-\r\n\r\n--b-2 not the end";
const std::string kBody =
    "--b-1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\nContent-Type: "
    "audio/wav\r\n\r\n" +
    kFile +
    "\r\n--b-1\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper "
    "\"1\"\r\n--b-1\r\n" +
    "Content-Disposition: form-data; name=\"response_format\"\r\n\r\nsrt\r\n--b-1\r\n" +
    "Content-Disposition: form-data; name=\"n\"\r\n\r\n2\r\n--b-1--\r\n";

BodyFacts Scan(std::string_view type, std::string_view body, size_t piece) {
  BodyFacts facts;
  MultipartScan scan;
  scan.Begin(type, &facts);
  for (size_t at = 0; at < body.size(); at += piece) scan.Feed(body.substr(at, piece));
  scan.Finish();
  return facts;
}

TEST(MultipartScan, TakesTheFactsHoweverTheBodyIsCut) {
  PromptHasher file;
  file.Update(kFile);
  for (size_t piece = 1; piece <= kBody.size(); ++piece) {
    const BodyFacts facts = Scan(kType, kBody, piece);
    ASSERT_TRUE(facts.well_formed) << piece;
    ASSERT_EQ(facts.model, "whisper \"1\"") << piece;
    ASSERT_EQ(facts.model_json, R"(whisper \"1\")") << piece;
    ASSERT_EQ(facts.response_format, "srt") << piece;
    ASSERT_EQ(facts.n, 2u) << piece;
    ASSERT_EQ(facts.file_bytes, kFile.size()) << piece;
    ASSERT_EQ(facts.prompt.Hash(), file.Hash()) << piece;
    ASSERT_TRUE(facts.input.present) << piece;
  }
}

TEST(MultipartScan, RefusesABodyWithoutItsEnd) {
  EXPECT_FALSE(Scan(kType, kBody.substr(0, kBody.size() - 4), 7).well_formed);
  EXPECT_FALSE(Scan("multipart/form-data", kBody, 7).well_formed);
  EXPECT_FALSE(Scan("multipart/form-data; boundary=other", kBody, 7).well_formed);
}

}  // namespace
}  // namespace vllm_router::fake_engine
