// Heads are parsed for every request: with a head object that is used again, nothing may be
// allocated.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>

#include "server/http/head.h"
#include "server/http/head_scanner.h"

namespace {
size_t allocations = 0;
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace vllm_router::http {
namespace {

const std::string& Request() {
  static const std::string request =
      "POST http://a/v1/chat/completions?x=y HTTP/1.1\r\nHost: [::1]:8000\r\nConnection: close, "
      "keep-alive\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nX-Request-Id: "
      "abc\r\nContent-Type: application/json\r\nAuthorization: Bearer x\r\n\r\n";
  return request;
}

TEST(HeadAllocations, CountsAtAll) {
  const size_t before = allocations;
  int* volatile kept = new int;  // volatile: an optimizer may drop a pair that nobody sees
  delete kept;
  EXPECT_GT(allocations, before);
}

TEST(HeadAllocations, NoneForARequestWhoseHeadObjectIsUsedAgain) {
  RequestHead head;
  ASSERT_EQ(ParseRequestHead(Request(), &head), nullptr);
  const size_t before = allocations;
  HeadScanner scanner;
  const HeadScanner::Result scanned = scanner.Scan(Request(), {});
  const Fault* fault = ParseRequestHead(Request(), &head);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(scanned, HeadScanner::Result::kComplete);
  EXPECT_EQ(fault, nullptr);
}

TEST(HeadAllocations, NoneForAResponseWhoseHeadObjectIsUsedAgain) {
  const std::string response =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: "
      "chunked\r\nConnection: keep-alive\r\n\r\n";
  ResponseHead head;
  ASSERT_EQ(ParseResponseHead(response, false, &head), nullptr);
  const size_t before = allocations;
  const Fault* fault = ParseResponseHead(response, false, &head);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(fault, nullptr);
}

TEST(HeadAllocations, NoneForARefusal) {
  RequestHead head;
  ASSERT_EQ(ParseRequestHead(Request(), &head), nullptr);
  const std::string refused = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n";
  const size_t before = allocations;
  const Fault* fault = ParseRequestHead(refused, &head);
  EXPECT_EQ(allocations, before);
  EXPECT_NE(fault, nullptr);
}

}  // namespace
}  // namespace vllm_router::http
