// A request body with exactly the padding that RequestViewParser may read, and an unreadable page
// behind it: one byte too far is a crash, also inside libraries that no sanitizer instruments.
#ifndef TESTS_UNIT_OPENAI_GUARDED_BODY_H_
#define TESTS_UNIT_OPENAI_GUARDED_BODY_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

#include "gtest/gtest.h"

namespace vllm_router::openai {

class GuardedBody {
 public:
  // `fill` is what the padding holds.
  explicit GuardedBody(std::string_view text, size_t padding = 64, char fill = '\0') {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t used = (text.size() + padding + page - 1) / page * page;
    mapped_ = used + page;
    void* memory =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory, MAP_FAILED);
    memory_ = static_cast<char*>(memory);
    EXPECT_EQ(mprotect(memory_ + used, page, PROT_NONE), 0);
    char* begin = memory_ + used - padding - text.size();
    std::memcpy(begin, text.data(), text.size());
    std::memset(begin + text.size(), fill, padding);
    body_ = std::string_view(begin, text.size());
  }
  ~GuardedBody() { munmap(memory_, mapped_); }
  GuardedBody(const GuardedBody&) = delete;
  GuardedBody& operator=(const GuardedBody&) = delete;

  std::string_view body() const { return body_; }

 private:
  char* memory_;
  size_t mapped_;
  std::string_view body_;
};

}  // namespace vllm_router::openai

#endif  // TESTS_UNIT_OPENAI_GUARDED_BODY_H_
