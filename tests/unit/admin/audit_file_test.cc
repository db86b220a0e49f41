#include "server/admin/audit_file.h"

#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "server/admin/audit_log.h"
#include "tests/support/status_matchers.h"

namespace vllm_router::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::shared_ptr<const v1::AuditEvent> Event(const std::string& reason) {
  auto event = std::make_shared<v1::AuditEvent>();
  event->set_reason(reason);
  event->set_generation_after(7);
  return event;
}

class AuditFileTest : public testing::Test {
 protected:
  AuditFileTest()
      : path_(testing::TempDir() + "/audit_" + std::to_string(::getpid()) + "_" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + ".jsonl") {
    std::remove(path_.c_str());
  }
  ~AuditFileTest() override {
    std::remove(path_.c_str());
    std::remove((path_ + ".1").c_str());
  }

  std::unique_ptr<AuditFile> Opened(size_t max_queued_bytes = 1 << 20) {
    auto file = AuditFile::Open({path_, max_queued_bytes});
    EXPECT_THAT(file, test_support::IsOk());
    return file.ok() ? *std::move(file) : nullptr;
  }
  static std::vector<std::string> Reasons(const std::string& path) {
    std::vector<std::string> reasons;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
      v1::AuditEvent event;
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &event).ok()) << line;
      reasons.push_back(event.reason());
    }
    return reasons;
  }

  const std::string path_;
};

TEST_F(AuditFileTest, AppendsOneJsonLinePerEventToAPrivateFile) {
  {
    const auto file = Opened();
    file->Append(Event("one"));
    file->Append(Event("two \"quoted\"\n"));
    file->Flush();
    EXPECT_EQ(file->lost(), 0u);
  }
  struct stat found {};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  EXPECT_THAT(Reasons(path_), ElementsAre("one", "two \"quoted\"\n"));
  Opened()->Append(Event("three"));  // the destructor writes what is queued
  EXPECT_THAT(Reasons(path_), ElementsAre("one", "two \"quoted\"\n", "three"));
  std::ifstream in(path_);
  std::string line;
  std::getline(in, line);
  EXPECT_THAT(line, HasSubstr("\"generation_after\":\"7\""));
}

TEST_F(AuditFileTest, FollowsARotation) {
  const auto file = Opened();
  file->Append(Event("before"));
  file->Flush();
  ASSERT_EQ(std::rename(path_.c_str(), (path_ + ".1").c_str()), 0);
  file->Append(Event("after"));
  file->Flush();
  EXPECT_THAT(Reasons(path_ + ".1"), ElementsAre("before"));
  EXPECT_THAT(Reasons(path_), ElementsAre("after"));
}

TEST_F(AuditFileTest, CountsWhatDoesNotFitIntoTheQueue) {
  const auto file = Opened(/*max_queued_bytes=*/10);
  file->Append(Event(std::string(100, 'x')));
  file->Flush();
  EXPECT_EQ(file->lost(), 1u);
  EXPECT_THAT(Reasons(path_), SizeIs(0));
}

TEST_F(AuditFileTest, SaysWhyItCannotBeOpened) {
  EXPECT_THAT(AuditFile::Open({"/nowhere/audit.jsonl"}),
              test_support::StatusIs(absl::StatusCode::kUnavailable,
                                     HasSubstr("/nowhere/audit.jsonl: No such file")));
}

TEST_F(AuditFileTest, CountsFailedWritesAndGoesOn) {
  // Every write to this device fails as on a full disk.
  auto full = AuditFile::Open({"/dev/full"});
  ASSERT_THAT(full, test_support::IsOk());
  (*full)->Append(Event("one"));
  (*full)->Append(Event("two"));
  (*full)->Flush();
  EXPECT_EQ((*full)->lost(), 2u);
}

TEST_F(AuditFileTest, GetsWhatTheLogGets) {
  AuditLog::Options options;
  options.file = Opened();
  AuditLog log(std::move(options));
  log.Append(*Event("bad\x1b"));
  log.Flush();
  EXPECT_THAT(Reasons(path_), ElementsAre("bad "));
  EXPECT_EQ(log.lost_in_file(), 0u);
}

}  // namespace
}  // namespace vllm_router::admin
