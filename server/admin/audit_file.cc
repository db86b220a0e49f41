#include "server/admin/audit_file.h"

#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/log.h"

namespace vllm_router::admin {
namespace {

constexpr base::Duration kReportInterval = std::chrono::seconds(10);

absl::Status SystemError(std::string_view path, int error) {
  return absl::UnavailableError(absl::StrFormat("%s: %s", path, std::strerror(error)));
}

int OpenForAppend(const std::string& path) {
  // Non-blocking for a pipe without a reader, which must not hold up the start.
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditFile>> AuditFile::Open(Options options) {
  const int fd = OpenForAppend(options.path);
  if (fd < 0) return SystemError(options.path, errno);
  return std::unique_ptr<AuditFile>(new AuditFile(std::move(options), fd));
}

AuditFile::AuditFile(Options options, int fd)
    : options_(std::move(options)), fd_(fd), thread_([this] { Run(); }) {}

AuditFile::~AuditFile() {
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (fd_ >= 0) ::close(fd_);
}

void AuditFile::Append(std::shared_ptr<const v1::AuditEvent> event) {
  const size_t size = event->ByteSizeLong();
  bool taken = false;
  {
    base::MutexLock lock(&mutex_);
    taken = queued_bytes_ + size <= options_.max_queued_bytes;
    if (taken) {
      queued_bytes_ += size;
      ++appended_;
      queue_.push_back(std::move(event));
    }
  }
  if (!taken) {
    CountLost(absl::ResourceExhaustedError(
        absl::StrFormat("%s: too many events wait to be written", options_.path)));
    return;
  }
  changed_.notify_all();
}

void AuditFile::Flush() {
  base::MutexLock lock(&mutex_);
  const uint64_t until = appended_;
  changed_.wait(mutex_, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return done_ >= until; });
}

uint64_t AuditFile::lost() const {
  base::MutexLock lock(&mutex_);
  return lost_;
}

void AuditFile::CountLost(const absl::Status& why) {
  const base::TimePoint now = options_.clock->Now();
  uint64_t lost = 0;
  {
    base::MutexLock lock(&mutex_);
    lost = ++lost_;
    if (reported_ && now - *reported_ < kReportInterval) return;
    reported_ = now;
  }
  ROUTER_LOG(kError, "Audit log: %s (%d events lost so far)", why.message(), lost);
}

void AuditFile::Run() {
  for (;;) {
    std::shared_ptr<const v1::AuditEvent> event;
    {
      base::MutexLock lock(&mutex_);
      changed_.wait(mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || !queue_.empty();
      });
      if (queue_.empty()) return;
      event = std::move(queue_.front());
      queue_.pop_front();
    }
    Write(*event);
    {
      base::MutexLock lock(&mutex_);
      // It counts until it is written: that is how long it is in memory.
      queued_bytes_ -= event->ByteSizeLong();
      ++done_;
    }
    changed_.notify_all();
  }
}

void AuditFile::Write(const v1::AuditEvent& event) {
  google::protobuf::util::JsonPrintOptions json;
  json.preserve_proto_field_names = true;
  std::string line;
  if (!google::protobuf::util::MessageToJsonString(event, &line, json).ok()) {
    CountLost(absl::InternalError("an event cannot be written as JSON"));
    return;
  }
  line.push_back('\n');
  absl::Status status = FollowPath();
  if (status.ok()) status = WriteLine(line);
  if (!status.ok()) CountLost(status);
}

absl::Status AuditFile::FollowPath() {
  struct stat path {};
  struct stat file {};
  if (fd_ >= 0 && ::stat(options_.path.c_str(), &path) == 0 && ::fstat(fd_, &file) == 0 &&
      path.st_ino == file.st_ino && path.st_dev == file.st_dev) {
    return absl::OkStatus();
  }
  const int fd = OpenForAppend(options_.path);
  // Better in the renamed file than nowhere.
  if (fd < 0) return fd_ >= 0 ? absl::OkStatus() : SystemError(options_.path, errno);
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  torn_ = false;
  return absl::OkStatus();
}

absl::Status AuditFile::WriteLine(const std::string& line) {
  // After a full disk: what had begun ends first, so that each line is one object or none.
  const std::string text = torn_ ? "\n" + line : line;
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(fd_, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      torn_ = torn_ ? done != 1 : done > 0;
      return SystemError(options_.path, errno);
    }
    done += static_cast<size_t>(written);
  }
  torn_ = false;
  return absl::OkStatus();
}

}  // namespace vllm_router::admin
