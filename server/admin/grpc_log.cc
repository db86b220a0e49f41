#include "server/admin/grpc_log.h"

#include <grpc/support/log.h>

#include <chrono>
#include <cstdint>

#include "absl/strings/str_format.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/mutex.h"
#include "server/base/strings.h"

namespace vllm_router::admin {
namespace {

constexpr base::Duration kInterval = std::chrono::seconds(10);
constexpr int kLinesPerInterval = 20;

// What may be said in this interval, and what was not said in the last one.
class Allowance {
 public:
  // False: say nothing. `*unsaid` is not 0 for the first line after silence.
  bool Take(base::TimePoint now, uint64_t* unsaid) {
    base::MutexLock lock(&mutex_);
    if (now - begin_ >= kInterval) {
      begin_ = now;
      said_ = 0;
    }
    if (said_ == kLinesPerInterval) {
      ++unsaid_;
      return false;
    }
    ++said_;
    *unsaid = unsaid_;
    unsaid_ = 0;
    return true;
  }

 private:
  base::Mutex mutex_;
  base::TimePoint begin_ ABSL_GUARDED_BY(mutex_);
  int said_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t unsaid_ ABSL_GUARDED_BY(mutex_) = 0;
};

void Log(gpr_log_func_args* args) {
  const bool error = args->severity == GPR_LOG_SEVERITY_ERROR;
  const base::LogLevel level = error ? base::LogLevel::kWarning : base::LogLevel::kDebug;
  if (!base::LogEnabled(level)) return;
  std::string text = absl::StrFormat("gRPC: %s", base::Printable(args->message, 512));
  if (error) {
    // Not destroyed: gRPC's threads may log to the last moment.
    static auto* allowance = new Allowance;
    uint64_t unsaid = 0;
    if (!allowance->Take(base::Clock::Real().Now(), &unsaid)) return;
    if (unsaid > 0) absl::StrAppendFormat(&text, " (and %d more lines before it)", unsaid);
  }
  base::LogMessage(level, text, args->file, args->line);
}

}  // namespace

void TakeOverGrpcLog() { gpr_set_log_function(Log); }

}  // namespace vllm_router::admin
