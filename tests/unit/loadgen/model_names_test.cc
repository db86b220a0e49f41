#include "tools/loadgen/model_names.h"

#include <gtest/gtest.h>

#include <set>

#include "tools/loadgen/body.h"
#include "tools/loadgen/options.h"

namespace vllm_router::loadgen {
namespace {

TEST(ModelNames, AreAllOfOneLength) {
  const ModelNames names("m", 1000);
  EXPECT_EQ(names.First(), "m-000");
  EXPECT_EQ(names.Name(999), "m-999");
  EXPECT_EQ(ModelNames("m", 1001).First(), "m-0000");
  EXPECT_EQ(ModelNames("m", 1).First(), "m-0");
}

TEST(ModelNames, ARequestNamesOneAfterTheOther) {
  const ModelNames names("a\"b", 12);
  const absl::StatusOr<std::string> body = MakeBody({.bytes = 400, .model = names.First()});
  ASSERT_TRUE(body.ok()) << body.status();
  std::set<std::string> seen;
  std::string request = *body;
  for (uint64_t index = 0; index < 24; ++index) {
    names.Put(index, &request);
    const absl::StatusOr<std::string> made =
        MakeBody({.bytes = 400, .model = names.Name(index % 12)});
    EXPECT_EQ(request, *made);
    seen.insert(request);
  }
  EXPECT_EQ(seen.size(), 12u);
}

TEST(ModelNames, OptionsAskForThem) {
  const absl::StatusOr<Options> options = ParseOptions(
      {"closed", "http://127.0.0.1:1", "--models", "100", "--model", "m", "--body", "500"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_NE(BodyOf(*options)->find(R"("model":"m-00")"), std::string::npos);
  for (const std::vector<std::string_view>& refused :
       {std::vector<std::string_view>{"rate", "http://127.0.0.1:1", "--models", "100"},
        std::vector<std::string_view>{"closed", "http://127.0.0.1:1", "--models", "100",
                                      "--body-file", "/dev/null"}}) {
    EXPECT_FALSE(ParseOptions(refused).ok());
  }
}

}  // namespace
}  // namespace vllm_router::loadgen
