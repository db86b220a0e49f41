#include "server/app/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace vllm_router::app {
namespace {

TEST(Version, IsTheOneOfTheBuild) {
  std::ifstream file(ROUTER_SOURCE_DIR "/CMakeLists.txt");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_THAT(text.str(), ::testing::HasSubstr("VERSION " + std::string(Version()) + " "));
}

}  // namespace
}  // namespace vllm_router::app
