#include "server/http/start_line_check.h"

#include <gtest/gtest.h>

#include <string>

namespace vllm_router::http {
namespace {

TEST(StartLineMayBeHttp, GivesEveryBeginningOfARequestLineTime) {
  const std::string request = "\r\n\r\nPOST /v1/x?a=b HTTP/1.1\r\nHost: h\r\n";
  for (size_t length = 0; length <= request.size(); ++length) {
    EXPECT_TRUE(StartLineMayBeHttp(std::string_view(request).substr(0, length))) << length;
  }
}

TEST(StartLineMayBeHttp, RefusesAWholeFirstLineWithoutAVersion) {
  EXPECT_FALSE(StartLineMayBeHttp("GET /health\r\n"));
  EXPECT_FALSE(StartLineMayBeHttp("GET /health\r"));
  EXPECT_TRUE(StartLineMayBeHttp("GET /health"));
}

TEST(StartLineMayBeHttp, RefusesBinaryProtocolsAtTheFirstByte) {
  EXPECT_FALSE(StartLineMayBeHttp("\x16\x03\x01"));  // a TLS hello
  EXPECT_FALSE(StartLineMayBeHttp(std::string_view("\0", 1)));
  EXPECT_FALSE(StartLineMayBeHttp("GET\t/"));
  EXPECT_FALSE(StartLineMayBeHttp("GET /\x7F"));
  EXPECT_FALSE(StartLineMayBeHttp("GET /\xC3\xA9"));
}

}  // namespace
}  // namespace vllm_router::http
