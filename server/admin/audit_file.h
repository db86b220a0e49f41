// The file behind --audit-log: one JSON object (v1::AuditEvent in protobuf's JSON, names as in the
// proto) per line, appended. Append never waits: a thread of the file's own formats and writes, its
// queue is bounded, and what does not fit or cannot be written is counted and reported in the log,
// at most once per 10 s. A file that was renamed or removed (logrotate) is made anew.
//
// Thread-safe.
#ifndef SERVER_ADMIN_AUDIT_FILE_H_
#define SERVER_ADMIN_AUDIT_FILE_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/router.pb.h"
#include "server/base/clock.h"
#include "server/base/line_output.h"
#include "server/base/mutex.h"

namespace vllm_router::admin {

class AuditFile {
 public:
  struct Options {
    std::string path;
    size_t max_queued_bytes = 16u << 20;  // of events, as protobuf encodes them
    const base::Clock* clock = &base::Clock::Real();
  };

  // Opens or makes the file (mode 0600); the error names it. `options.clock` outlives the object.
  static absl::StatusOr<std::unique_ptr<AuditFile>> Open(Options options);
  // Writes what is queued; waits for the disk.
  ~AuditFile();
  AuditFile(const AuditFile&) = delete;
  AuditFile& operator=(const AuditFile&) = delete;

  void Append(std::shared_ptr<const v1::AuditEvent> event);
  // Returns when everything that was appended before has been written or given up.
  void Flush();

  // Events that are not in the file: no room in the queue, or the write failed.
  uint64_t lost() const;

 private:
  AuditFile(Options options, std::unique_ptr<base::LineOutput> output);

  void Run();
  void Write(const v1::AuditEvent& event);
  void CountLost(const absl::Status& why);

  const Options options_;

  mutable base::Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::shared_ptr<const v1::AuditEvent>> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t appended_ ABSL_GUARDED_BY(mutex_) = 0;  // taken into the queue
  uint64_t done_ ABSL_GUARDED_BY(mutex_) = 0;      // of these: written or given up
  uint64_t lost_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<base::TimePoint> reported_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  const std::unique_ptr<base::LineOutput> output_;  // the writing thread's

  std::thread thread_;
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_AUDIT_FILE_H_
