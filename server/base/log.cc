#include "server/base/log.h"

#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <thread>
#include <utility>

#include "server/base/mutex.h"
#include "server/base/strings.h"

namespace vllm_router::base {
namespace log_internal {
std::atomic<LogLevel> minimum_level{LogLevel::kInfo};
}
namespace {

std::atomic<LogFormat> line_format{LogFormat::kText};

// Enough for seconds of heavy logging while a disk stalls, small beside the rest of the process.
constexpr size_t kMaxQueuedBytes = 4u << 20;

constexpr std::array<std::string_view, 6> kLevelNames = {"TRACE",   "DEBUG", "INFO",
                                                         "WARNING", "ERROR", "CRITICAL"};

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // a full disk or a closed pipe must not end the process
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

int StreamFor(LogLevel level) {
  return level >= LogLevel::kWarning ? STDERR_FILENO : STDOUT_FILENO;
}

// The writing thread and its queue. Never destroyed: a write may not return, and threads that
// nobody waits for (a name being resolved) may log to the last moment.
class Writer {
 public:
  void Start() {
    std::thread([this] { Run(); }).detach();
  }

  // False: it has been stopped and takes nothing any more.
  bool Submit(LogLevel level, std::string_view lines) {
    {
      MutexLock lock(&mutex_);
      if (stopping_) return false;
      std::string& queue = queues_[level >= LogLevel::kWarning];
      if (queue.size() + lines.size() > kMaxQueuedBytes) {
        dropped_.fetch_add(lines.size(), std::memory_order_relaxed);
        return true;
      }
      queue.append(lines);
    }
    changed_.notify_all();
    return true;
  }

  void Stop() {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.notify_all();
    changed_.wait_for(mutex_, std::chrono::seconds(1),
                      [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopped_; });
  }

  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !queues_[0].empty() || !queues_[1].empty();
  }

  void Run() {
    std::array<std::string, 2> writing;
    for (bool last = false; !last;) {
      {
        MutexLock lock(&mutex_);
        changed_.wait(mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return HasWork(); });
        std::swap(writing, queues_);
        last = stopping_;
      }
      WriteAll(STDOUT_FILENO, writing[0]);
      WriteAll(STDERR_FILENO, writing[1]);
      writing[0].clear();
      writing[1].clear();
    }
    MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

  Mutex mutex_;
  std::condition_variable_any changed_;
  std::array<std::string, 2> queues_ ABSL_GUARDED_BY(mutex_);  // stdout, stderr
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<uint64_t> dropped_{0};
};

std::atomic<Writer*> writer{nullptr};

std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::optional<LogLevel> ParseLogLevel(std::string_view word) {
  for (size_t i = 0; i < kLevelNames.size(); ++i) {
    if (EqualsIgnoreCase(word, kLevelNames[i])) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

void SetLogLevel(LogLevel level) {
  log_internal::minimum_level.store(level, std::memory_order_relaxed);
}
void SetLogFormat(LogFormat format) { line_format.store(format, std::memory_order_relaxed); }

void FormatLogLine(LogLevel level, std::string_view message, const char* file, int line,
                   WallTime now, std::string* out) {
  const int64_t ns = now.time_since_epoch().count();
  const time_t seconds = static_cast<time_t>(ns / 1'000'000'000);
  const int millis = static_cast<int>(ns / 1'000'000 % 1000);
  tm local{};
  const std::string_view name = kLevelNames[static_cast<size_t>(level)];
  if (line_format.load(std::memory_order_relaxed) == LogFormat::kJson) {
    gmtime_r(&seconds, &local);
    absl::StrAppendFormat(out,
                          "{\"timestamp\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\",\"level\":\"%s\","
                          "\"logger\":\"vllm_router\","
                          "\"message\":\"%s\",\"filename\":\"%s\",\"lineno\":%d}\n",
                          local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour,
                          local.tm_min, local.tm_sec, millis, name, JsonEscape(message),
                          BaseName(file), line);
    return;
  }
  localtime_r(&seconds, &local);
  absl::StrAppendFormat(out, "[%04d-%02d-%02d %02d:%02d:%02d,%03d] %s: %s (%s:%d:vllm_router)\n",
                        local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour,
                        local.tm_min, local.tm_sec, millis, name, message, BaseName(file), line);
}

void SubmitLogLines(LogLevel level, std::string_view lines) {
  Writer* running = writer.load(std::memory_order_acquire);
  if (running != nullptr && running->Submit(level, lines)) return;
  WriteAll(StreamFor(level), lines);
}

void LogMessage(LogLevel level, std::string_view message, const char* file, int line) {
  std::string text;
  FormatLogLine(level, message, file, line, Clock::Real().WallNow(), &text);
  SubmitLogLines(level, text);
}

void StartLog() {
  auto* started = new Writer;
  started->Start();
  writer.store(started, std::memory_order_release);
}

void StopLog() {
  // It stays where a leak checker finds it.
  if (Writer* running = writer.load(std::memory_order_acquire); running != nullptr) running->Stop();
}

uint64_t DroppedLogBytes() {
  const Writer* running = writer.load(std::memory_order_acquire);
  return running == nullptr ? 0 : running->dropped();
}

}  // namespace vllm_router::base
