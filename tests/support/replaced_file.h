// A file of the test's own, replaced as a whole by each Write, as configuration managers do.
#ifndef TESTS_SUPPORT_REPLACED_FILE_H_
#define TESTS_SUPPORT_REPLACED_FILE_H_

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"

namespace vllm_router::test {

class ReplacedFile {
 public:
  explicit ReplacedFile(const std::string& name)
      : path_(absl::StrFormat("%s/%s_%d", testing::TempDir(), name, ::getpid())) {}
  ~ReplacedFile() { std::remove(path_.c_str()); }

  void Write(std::string_view content) {
    std::ofstream(path_ + ".new", std::ios::binary) << content;
    ASSERT_EQ(std::rename((path_ + ".new").c_str(), path_.c_str()), 0);
  }
  void CopyOf(const std::string& other) {
    std::ifstream file(other, std::ios::binary);
    Write(std::string(std::istreambuf_iterator<char>(file), {}));
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace vllm_router::test

#endif  // TESTS_SUPPORT_REPLACED_FILE_H_
