#include "server/base/log.h"

#include <time.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "server/base/line_writer.h"
#include "server/base/strings.h"

namespace vllm_router::base {
namespace log_internal {
std::atomic<LogLevel> minimum_level{LogLevel::kInfo};
}
namespace {

std::atomic<LogFormat> line_format{LogFormat::kText};

// The streams of the log, in the order in which they are written.
enum Stream : size_t { kOut, kErr, kAccess };

constexpr std::array<std::string_view, 6> kLevelNames = {"TRACE",   "DEBUG", "INFO",
                                                         "WARNING", "ERROR", "CRITICAL"};

Stream StreamFor(LogLevel level) { return level >= LogLevel::kWarning ? kErr : kOut; }

std::unique_ptr<LineOutput> OutputOf(Stream stream) {
  return std::make_unique<LineOutput>(stream == kErr ? STDERR_FILENO : STDOUT_FILENO);
}

// Never destroyed: threads that nobody waits for (a name being resolved) may log to the last
// moment.
std::atomic<LineWriter*> writer{nullptr};

void Submit(Stream stream, std::string_view lines) {
  LineWriter* running = writer.load(std::memory_order_acquire);
  if (running != nullptr && running->Submit(stream, lines)) return;
  OutputOf(stream)->Write(lines);
}

LostLines Dropped(Stream stream) {
  const LineWriter* running = writer.load(std::memory_order_acquire);
  return running == nullptr ? LostLines() : running->dropped(stream);
}

// Places that have left out lines, ever: few, and none goes away.
std::atomic<LimitedLogSite*> limited_sites{nullptr};

void TellOfLeftOut(LimitedLogSite& site, TimePoint now) {
  const uint64_t count = site.limiter.TakeLeftOut(now);
  if (count == 0) return;
  LogMessage(site.level, absl::StrFormat("and %d more like this", count), site.file, site.line);
}

void TellOfAllLeftOut(TimePoint now) {
  for (LimitedLogSite* site = limited_sites.load(std::memory_order_acquire); site != nullptr;
       site = site->next) {
    TellOfLeftOut(*site, now);
  }
}

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

void SubmitLogLines(LogLevel level, std::string_view lines) { Submit(StreamFor(level), lines); }

void SubmitAccessRecords(std::string_view records) {
  LineWriter* running = writer.load(std::memory_order_acquire);
  if (running != nullptr) running->Submit(kAccess, records);
}

void LogMessage(LogLevel level, std::string_view message, const char* file, int line) {
  std::string text;
  FormatLogLine(level, message, file, line, Clock::Real().WallNow(), &text);
  SubmitLogLines(level, text);
}

bool AdmitLogLine(LimitedLogSite& site) {
  const TimePoint now = Clock::Real().Now();
  TellOfLeftOut(site, now);
  if (site.limiter.Admit(now)) return true;
  if (!site.listed.exchange(true, std::memory_order_relaxed)) {
    site.next = limited_sites.load(std::memory_order_relaxed);
    while (!limited_sites.compare_exchange_weak(site.next, &site, std::memory_order_release,
                                                std::memory_order_relaxed)) {
    }
  }
  return false;
}

void StartLog(std::unique_ptr<LineRenderer> access) {
  std::vector<LineWriter::Stream> streams;
  for (const Stream stream : {kOut, kErr}) streams.push_back({.output = OutputOf(stream)});
  streams.push_back({.output = OutputOf(kAccess), .patient = true, .renderer = std::move(access)});
  writer.store(new LineWriter(std::move(streams), [] { TellOfAllLeftOut(Clock::Real().Now()); }),
               std::memory_order_release);
}

void StopLog() {
  TellOfAllLeftOut(TimePoint::max());
  // It stays where a leak checker finds it.
  if (LineWriter* running = writer.load(std::memory_order_acquire); running != nullptr) {
    running->Stop();
  }
}

uint64_t DroppedLogBytes() { return Dropped(kOut).bytes + Dropped(kErr).bytes; }
uint64_t DroppedAccessLines() { return Dropped(kAccess).lines; }

}  // namespace vllm_router::base
