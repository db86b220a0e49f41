// The process's log. Lines are formatted by the caller's thread and written by one thread of the
// log's own, so that a slow disk or a pipe that nobody reads never holds up traffic: the queue is
// bounded, what does not fit is dropped and counted. INFO and below go to stdout, WARNING and above
// to stderr, as the original does.
//
//   ROUTER_LOG(kWarning, "backend %s is down: %s", url, reason);
//   ROUTER_LOG_LIMITED(kWarning, "request %s failed on %s", id, url);
//
// The second form is for what may happen with every request: of each such place in the code, at
// most LogLimiter::kPerSecond lines a second are written, and later one that says how many more.
//
// Thread-safe. The log lives from StartLog to StopLog; before and after that lines are written
// directly.
#ifndef SERVER_BASE_LOG_H_
#define SERVER_BASE_LOG_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/base/clock.h"
#include "server/base/log_limiter.h"

namespace vllm_router::base {

class LineRenderer;  // line_writer.h

enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarning, kError, kCritical };
enum class LogFormat : uint8_t { kText, kJson };

// "info" -> kInfo; nullopt for a word that is no level.
std::optional<LogLevel> ParseLogLevel(std::string_view word);

void SetLogLevel(LogLevel level);
void SetLogFormat(LogFormat format);

namespace log_internal {
extern std::atomic<LogLevel> minimum_level;
}
inline bool LogEnabled(LogLevel level) {
  return level >= log_internal::minimum_level.load(std::memory_order_relaxed);
}

// Appends one formatted line, with its line end, to `out`. For batches; others use ROUTER_LOG.
void FormatLogLine(LogLevel level, std::string_view message, const char* file, int line,
                   WallTime now, std::string* out);

// Hands formatted lines over to the log's thread; returns at once. All lines of a batch must belong
// to one stream.
void SubmitLogLines(LogLevel level, std::string_view lines);

void LogMessage(LogLevel level, std::string_view message, const char* file, int line);

// A place in the code that logs with a limit. Static: the log keeps a pointer to it.
struct LimitedLogSite {
  LogLevel level;
  const char* file;
  int line;
  LogLimiter limiter{};
  // Of those that have left out lines.
  LimitedLogSite* next = nullptr;
  std::atomic<bool> listed{false};
};
// Whether the place may write a line now; writes the one about earlier lines if it is due.
bool AdmitLogLine(LimitedLogSite& site);

// Records of the access log that go to stdout as lines. They are queued and counted apart from the
// log's own lines, which they never displace, and may wait for 20 ms. Before and after the log's
// life nobody can render them: they are lost.
void SubmitAccessRecords(std::string_view records);

// `access` renders what SubmitAccessRecords brings.
void StartLog(std::unique_ptr<LineRenderer> access);
// Writes what is queued, for at most a second, and ends the thread.
void StopLog();
// What was dropped because nobody took it: bytes of the log, and lines of SubmitAccessRecords.
uint64_t DroppedLogBytes();
uint64_t DroppedAccessLines();

}  // namespace vllm_router::base

#define ROUTER_LOG(level, ...)                                                           \
  do {                                                                                   \
    if (::vllm_router::base::LogEnabled(::vllm_router::base::LogLevel::level)) {         \
      ::vllm_router::base::LogMessage(::vllm_router::base::LogLevel::level,              \
                                      absl::StrFormat(__VA_ARGS__), __FILE__, __LINE__); \
    }                                                                                    \
  } while (false)

#define ROUTER_LOG_LIMITED(at_level, ...)                                                    \
  do {                                                                                       \
    if (::vllm_router::base::LogEnabled(::vllm_router::base::LogLevel::at_level)) {          \
      static constinit ::vllm_router::base::LimitedLogSite site{                             \
          ::vllm_router::base::LogLevel::at_level, __FILE__, __LINE__};                      \
      if (::vllm_router::base::AdmitLogLine(site)) {                                         \
        ::vllm_router::base::LogMessage(site.level, absl::StrFormat(__VA_ARGS__), site.file, \
                                        site.line);                                          \
      }                                                                                      \
    }                                                                                        \
  } while (false)

#endif  // SERVER_BASE_LOG_H_
