#include "server/stats/file_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vllm_router::stats {
namespace {

using testing::HasSubstr;

TEST(RenderFiles, SaysHowEachFileFares) {
  const std::string text = RenderFiles({{"API keys", 0, 1767225600}, {"a \"file\"", 3, 5}});
  EXPECT_THAT(text, HasSubstr("# TYPE vllm_router_file_errors_total counter\n"
                              "vllm_router_file_errors_total{file=\"API keys\"} 0\n"
                              "vllm_router_file_errors_total{file=\"a \\\"file\\\"\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE vllm_router_file_last_success_timestamp_seconds gauge\n"
                              "vllm_router_file_last_success_timestamp_seconds"
                              "{file=\"API keys\"} 1767225600\n"));
}

TEST(RenderFiles, IsEmptyWithoutFiles) { EXPECT_EQ(RenderFiles({}), ""); }

}  // namespace
}  // namespace vllm_router::stats
