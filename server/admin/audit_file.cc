#include "server/admin/audit_file.h"

#include <google/protobuf/util/json_util.h>

#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/log.h"
#include "server/base/status.h"

namespace vllm_router::admin {
namespace {

constexpr base::Duration kReportInterval = std::chrono::seconds(10);

constexpr mode_t kPrivate = 0600;

absl::Status SystemError(std::string_view path, int error) {
  return absl::UnavailableError(absl::StrFormat("%s: %s", path, std::strerror(error)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditFile>> AuditFile::Open(Options options) {
  ROUTER_ASSIGN_OR_RETURN(std::unique_ptr<base::LineOutput> output,
                          base::LineOutput::Open(options.path, kPrivate));
  // A pipe without a reader: nothing that happens from now on would be on record.
  if (output->error() != 0) return SystemError(options.path, output->error());
  return std::unique_ptr<AuditFile>(new AuditFile(std::move(options), std::move(output)));
}

AuditFile::AuditFile(Options options, std::unique_ptr<base::LineOutput> output)
    : options_(std::move(options)), output_(std::move(output)), thread_([this] { Run(); }) {}

AuditFile::~AuditFile() {
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
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
  if (output_->Write(line).lines > 0) CountLost(SystemError(options_.path, output_->error()));
}

}  // namespace vllm_router::admin
