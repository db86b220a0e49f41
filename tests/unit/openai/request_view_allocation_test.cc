// Counts every allocation of this binary, simdjson's included, to hold Parse to its promise.
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "gtest/gtest.h"
#include "server/openai/multipart.h"
#include "server/openai/request_view.h"

namespace {
std::atomic<size_t> allocations{0};

void* Allocate(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size);
}
}  // namespace

void* operator new(size_t size) {
  if (void* memory = Allocate(size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](size_t size) { return operator new(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace vllm_router::openai {
namespace {

TEST(RequestViewAllocation, ParsesWithoutAllocatingOnceItHasItsBuffers) {
  std::string text = R"({"messages":["hello"],"user":"u\u0041","stream":true,"model":"m\u0041"})";
  const size_t size = text.size();
  text.append(RequestViewParser::kPadding, ' ');
  const std::string_view body(text.data(), size);

  const size_t at_start = allocations;
  RequestViewParser parser;
  RequestView view;
  ASSERT_EQ(parser.Parse(body, RequestViewParser::kPadding, "user", &view), nullptr);
  const size_t when_warm = allocations;
  EXPECT_GT(when_warm, at_start) << "the counter does not count";
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(parser.Parse(body, RequestViewParser::kPadding, "user", &view), nullptr);
    ASSERT_EQ(parser.Parse(body.substr(1), RequestViewParser::kPadding, "user", &view),
              &errors::kNotAnObject);
    ASSERT_EQ(parser.Parse(body, 0, "user", &view), nullptr) << "copied into a kept buffer";
  }
  // The copy of the first unpadded body is the one allocation.
  EXPECT_EQ(allocations, when_warm + 1);
}

TEST(MultipartAllocation, ScansWithoutAllocating) {
  const std::string body =
      "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--b--\r\n";
  MultipartView view;
  // simdjson allocates when the process first asks it which kernel fits the CPU.
  ASSERT_EQ(ScanMultipart(body, "b", "user", &view), nullptr);
  const size_t before = allocations;
  ASSERT_EQ(ScanMultipart(body, "b", "user", &view), nullptr);
  ASSERT_EQ(ScanMultipart(body, "c", "user", &view), &errors::kInvalidMultipart);
  ASSERT_TRUE(ParseBoundary("multipart/form-data; boundary=\"b\"").has_value());
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace vllm_router::openai
