// What the tests of the store share: blocking calls, revisions, temporary directories and their
// bytes.
#ifndef TESTS_UNIT_STORE_STORE_TEST_UTIL_H_
#define TESTS_UNIT_STORE_STORE_TEST_UTIL_H_

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/store/store.h"
#include "tests/support/temp_directory.h"

namespace vllm_router::store {

// Another content for each generation, with bytes that text would not survive.
inline Revision MakeRevision(uint64_t generation, size_t config_bytes = 100) {
  Revision revision{.generation = generation,
                    .create_time_ns = static_cast<int64_t>(generation % 1'000'000) * 1000 + 7,
                    .meta = absl::StrCat("meta ", generation) + std::string("\0\xFF", 2),
                    .config = absl::StrCat("config ", generation)};
  revision.config.resize(config_bytes, static_cast<char>(generation));
  return revision;
}

inline absl::Status Append(Store& store, Revision revision, Pending pending = {}) {
  std::promise<absl::Status> answer;
  std::future<absl::Status> result = answer.get_future();
  store.Append(std::move(revision), std::move(pending),
               [answer = std::move(answer)](absl::Status s) mutable { answer.set_value(s); });
  return result.get();
}

inline absl::Status SetPending(Store& store, Pending pending) {
  std::promise<absl::Status> answer;
  std::future<absl::Status> result = answer.get_future();
  store.SetPending(std::move(pending),
                   [answer = std::move(answer)](absl::Status s) mutable { answer.set_value(s); });
  return result.get();
}

inline absl::StatusOr<Revision> Read(Store& store, uint64_t generation) {
  std::promise<absl::StatusOr<Revision>> answer;
  std::future<absl::StatusOr<Revision>> result = answer.get_future();
  store.Read(generation, [answer = std::move(answer)](absl::StatusOr<Revision> revision) mutable {
    answer.set_value(std::move(revision));
  });
  return result.get();
}

inline absl::StatusOr<std::vector<Revision>> List(Store& store, uint64_t before, size_t limit) {
  std::promise<absl::StatusOr<std::vector<Revision>>> answer;
  std::future<absl::StatusOr<std::vector<Revision>>> result = answer.get_future();
  store.List(before, limit,
             [answer = std::move(answer)](absl::StatusOr<std::vector<Revision>> found) mutable {
               answer.set_value(std::move(found));
             });
  return result.get();
}

// The generations that are kept, newest first.
inline std::vector<uint64_t> Generations(Store& store) {
  std::vector<uint64_t> generations;
  const absl::StatusOr<std::vector<Revision>> found = List(store, 0, 10'000);
  EXPECT_TRUE(found.ok()) << found.status();
  if (!found.ok()) return generations;
  for (const Revision& revision : *found) generations.push_back(revision.generation);
  return generations;
}

// A fresh directory with a space and UTF-8 in its name; removed at the end.
class TempDirectory : public test::TempDirectory {
 public:
  std::string state() const { return path() + "/state"; }  // for --state-dir; not there yet
  std::string database() const { return state() + "/state.db"; }
};

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Name to content of all files in a directory, but for the lock.
inline std::map<std::string, std::string> FilesIn(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name != "lock") files[name] = ReadFile(entry.path().string());
  }
  return files;
}

}  // namespace vllm_router::store

#endif  // TESTS_UNIT_STORE_STORE_TEST_UTIL_H_
