// The process's log. Lines are formatted by the caller's thread and written by one thread of the
// log's own, so that a slow disk or a pipe that nobody reads never holds up traffic: the queue is
// bounded, what does not fit is dropped and counted. INFO and below go to stdout, WARNING and above
// to stderr, as the original does.
//
//   ROUTER_LOG(kWarning, "backend %s is down: %s", url, reason);
//
// Thread-safe. The log lives from StartLog to StopLog; before and after that lines are written
// directly.
#ifndef SERVER_BASE_LOG_H_
#define SERVER_BASE_LOG_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/base/clock.h"

namespace vllm_router::base {

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

void StartLog();
// Writes what is queued, for at most a second, and ends the thread.
void StopLog();
// Lines' bytes that were dropped because nobody took them.
uint64_t DroppedLogBytes();

}  // namespace vllm_router::base

#define ROUTER_LOG(level, ...)                                                           \
  do {                                                                                   \
    if (::vllm_router::base::LogEnabled(::vllm_router::base::LogLevel::level)) {         \
      ::vllm_router::base::LogMessage(::vllm_router::base::LogLevel::level,              \
                                      absl::StrFormat(__VA_ARGS__), __FILE__, __LINE__); \
    }                                                                                    \
  } while (false)

#endif  // SERVER_BASE_LOG_H_
