#include "server/gateway/access_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "absl/strings/str_format.h"

namespace vllm_router::gateway {
namespace {

using fleet::AccessLogFormat;
using testing::HasSubstr;

constexpr size_t kNoEnd = 1 << 20;
const base::WallTime kWhen{std::chrono::milliseconds(1'795'837'560'007)};  // 03:46:00.007 UTC

AccessEntry Entry(std::string_view model) {
  return {.client = "10.0.0.7",
          .method = "POST",
          .path = "/v1/completions",
          .request_id = "3b1c",
          .model = model,
          .figures = {.total = std::chrono::microseconds(815), .attempts = 2, .status = 200}};
}

// What the entry is rendered as directly.
std::string Line(const AccessEntry& entry) {
  std::string line;
  AppendAccessLine(entry, AccessLogFormat::kJson,
                   {.second = "2026-11-28T03:46:00", .milliseconds = 7}, /*plain=*/false, &line);
  return line;
}

TEST(AccessRecord, BecomesTheLineOfItsEntry) {
  const std::string odd = "two\nlines \"\xFF";
  std::string records;
  std::string wanted;
  for (const std::string& model : {std::string("llama"), odd, std::string()}) {
    AppendAccessRecord(Entry(model), AccessLogFormat::kJson, kWhen, &records);
    wanted += Line(Entry(model));
  }
  AccessRenderer renderer;
  EXPECT_EQ(renderer.Count(records), 3u);
  std::string lines;
  EXPECT_EQ(renderer.Render(records, kNoEnd, &lines), "");
  EXPECT_EQ(lines, wanted);
}

TEST(AccessRecord, KeepsItsOwnCopyOfTheTexts) {
  std::string records;
  {
    std::string model = "llama-of-some-length";
    AppendAccessRecord(Entry(model), AccessLogFormat::kJson, kWhen, &records);
    model.assign(model.size(), 'x');
  }
  std::string lines;
  AccessRenderer().Render(records, kNoEnd, &lines);
  EXPECT_EQ(lines, Line(Entry("llama-of-some-length")));
}

TEST(AccessRecord, IsAsLongAsALineCanShow) {
  const std::string huge(1 << 20, 'm');
  std::string records;
  AppendAccessRecord(Entry(huge), AccessLogFormat::kJson, kWhen, &records);
  EXPECT_LT(records.size(), 2048u);
  std::string lines;
  AccessRenderer().Render(records, kNoEnd, &lines);
  EXPECT_EQ(lines, Line(Entry(huge)));
}

TEST(AccessRenderer, LeavesRecordsForTheNextTime) {
  std::string records;
  std::string wanted;
  for (int i = 0; i < 100; ++i) {
    const std::string model = absl::StrFormat("model-%d", i);
    AppendAccessRecord(Entry(model), AccessLogFormat::kJson, kWhen, &records);
    wanted += Line(Entry(model));
  }
  AccessRenderer renderer;
  std::string all;
  std::string_view left = records;
  for (int turns = 0; !left.empty(); ++turns) {
    ASSERT_LT(turns, 100);
    std::string lines;
    left = renderer.Render(left, 1000, &lines);
    EXPECT_LT(lines.size(), 2000u);
    all += lines;
  }
  EXPECT_EQ(all, wanted);
}

TEST(AccessRenderer, TellsTheTimeOfEachRecordInTheFormatOfEach) {
  std::string records;
  using std::chrono::milliseconds;
  AppendAccessRecord(Entry("a"), AccessLogFormat::kJson, kWhen, &records);
  AppendAccessRecord(Entry("b"), AccessLogFormat::kText, kWhen + milliseconds(1), &records);
  AppendAccessRecord(Entry("c"), AccessLogFormat::kJson, kWhen + milliseconds(1992), &records);
  AppendAccessRecord(Entry("d"), AccessLogFormat::kJson, kWhen + milliseconds(1993), &records);
  std::string lines;
  AccessRenderer().Render(records, kNoEnd, &lines);
  EXPECT_THAT(lines, HasSubstr("\"timestamp\":\"2026-11-28T03:46:00.007Z\""));
  EXPECT_THAT(lines, HasSubstr(",008] ACCESS: 10.0.0.7"));
  EXPECT_THAT(lines, HasSubstr("\"timestamp\":\"2026-11-28T03:46:01.999Z\""));
  EXPECT_THAT(lines, HasSubstr("\"timestamp\":\"2026-11-28T03:46:02.000Z\""));
}

}  // namespace
}  // namespace vllm_router::gateway
