#include "server/callbacks/host_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace vllm_router::callbacks {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(std::string_view line) {
  const auto status = ParseHostStatus(line);
  if (status.ok()) return "(no error)";
  EXPECT_EQ(status.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.status().message());
}

TEST(HostStatus, SaysWhichHooksThereAre) {
  EXPECT_EQ(*ParseHostStatus(R"({"ready": true, "pre_request": true, "post_request": false})"),
            (HostStatus{.ready = true, .pre_request = true}));
  EXPECT_EQ(*ParseHostStatus(R"( {"new":[1],"post_request":true,"pre_request":false,"ready":true} )"
                             "\r"),
            (HostStatus{.ready = true, .post_request = true}));
}

TEST(HostStatus, SaysWhatCouldNotBeLoaded) {
  EXPECT_EQ(*ParseHostStatus(R"({"ready": false, "module": "a.b", "attribute": "inst",)"
                             R"( "message": "ModuleNotFoundError: No module named 'x'"})"),
            (HostStatus{.module = "a.b",
                        .attribute = "inst",
                        .message = "ModuleNotFoundError: No module named 'x'"}));
  EXPECT_EQ(ParseHostStatus(R"({"ready": false, "message": "no"})")->message, "no");
}

TEST(HostStatus, RefusesEverythingElseAndShowsIt) {
  const std::pair<const char*, const char*> kLines[] = {
      {"", "its status '' is not valid JSON: "},
      {"Hello", "its status 'Hello' is not valid JSON: "},
      {"{\"ready\": true", "is not valid JSON: "},
      {"{\"ready\": true, \"pre_request\": true, \"post_request\": true} x", "is not valid JSON: "},
      {"[true]", "its status '[true]' is no JSON object"},
      {"true", "its status 'true' is no JSON object"},
      {"{}", "its status '{}' does not say whether \"ready\" is true or false"},
      {"{\"ready\": 1}", "does not say whether \"ready\" is true or false"},
      {"{\"ready\": true}", "does not say whether \"pre_request\" is true or false"},
      {"{\"ready\": true, \"pre_request\": true}",
       "does not say whether \"post_request\" is true or false"},
      {"{\"ready\": false, \"module\": \"a\"}", "does not say why it is not ready"},
      {"{\"ready\": false, \"message\": 5}", "does not say why it is not ready"},
      {"\x1b[31m", "its status '\\x1b[31m' is not valid JSON: "},
  };
  for (const auto& [line, error] : kLines) EXPECT_THAT(ErrorOf(line), HasSubstr(error)) << line;
}

TEST(HostStatus, IsBounded) {
  const std::string error = ErrorOf(std::string(kMaxHostStatusBytes + 1, ' '));
  EXPECT_THAT(error, HasSubstr("is too long"));
  EXPECT_LT(error.size(), 300u);
}

}  // namespace
}  // namespace vllm_router::callbacks
