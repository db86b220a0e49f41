// A new directory that goes with its object, and all that is in it. Its name has characters that
// careless code stumbles over.
#ifndef TESTS_SUPPORT_TEMP_DIRECTORY_H_
#define TESTS_SUPPORT_TEMP_DIRECTORY_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "gtest/gtest.h"

namespace vllm_router::test {

class TempDirectory {
 public:
  TempDirectory() {
    std::string name = testing::TempDir() + "router zustände %?# XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace vllm_router::test

#endif  // TESTS_SUPPORT_TEMP_DIRECTORY_H_
