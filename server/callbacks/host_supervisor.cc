#include "server/callbacks/host_supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::callbacks {
namespace {

// How often it is asked whether anybody still waits for the start, and, where the kernel does not
// tell, whether the host has ended.
constexpr std::chrono::milliseconds kLook(100);
// Of one pipe in one turn: a host that never stops printing does not keep us from ending it.
constexpr int kReadsPerTurn = 16;

std::string Hooks(const HostStatus& status) {
  if (status.pre_request && status.post_request) return "pre_request and post_request";
  return status.pre_request ? "pre_request" : status.post_request ? "post_request" : "no hook";
}

absl::Status WhyNot(const HostStatus& status) {
  const std::string what =
      status.attribute.empty()
          ? absl::StrFormat("module '%s'", base::Printable(status.module))
          : absl::StrFormat("'%s' of module '%s'", base::Printable(status.attribute),
                            base::Printable(status.module));
  return absl::FailedPreconditionError(
      absl::StrFormat("cannot load %s: %s", what, base::Printable(status.message, 1024)));
}

}  // namespace

HostSupervisor::HostSupervisor(HostOptions options)
    : options_(std::move(options)),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      life_(options_.timing) {}

HostSupervisor::~HostSupervisor() {
  Stop();
  ::close(wake_fd_);
}

absl::StatusOr<HostStatus> HostSupervisor::Start(const std::function<bool()>& given_up) {
  thread_ = std::thread([this] { Run(); });
  base::MutexLock lock(&mutex_);
  while (!verdict_) {
    if (decided_.wait_for(mutex_, kLook) == std::cv_status::timeout && given_up()) {
      return absl::CancelledError("nobody waits for it any more");
    }
  }
  return *verdict_;
}

void HostSupervisor::Stop() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  while (::write(wake_fd_, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread_.join();
}

void HostSupervisor::Decide(Verdict verdict) {
  base::MutexLock lock(&mutex_);
  if (verdict_) return;
  verdict_ = std::move(verdict);
  decided_.notify_all();
}

void HostSupervisor::Run() {
  while (true) {
    const base::TimePoint now = clock_.Now();
    switch (life_.Next(now)) {
      case HostLife::Step::kStart:
        StartProcess(now);
        break;
      case HostLife::Step::kTerminate:
        Terminate();
        break;
      case HostLife::Step::kKill:
        ROUTER_LOG(kWarning, "callback host %d does not end within %.0f s of SIGTERM: killing it",
                   process_->pid(), base::ToSeconds(options_.timing.stop_grace));
        process_->Kill();
        break;
      case HostLife::Step::kEnd:
        TellOfLeftOut(base::TimePoint::max());
        return;
      case HostLife::Step::kWait:
        Wait(now);
        break;
    }
  }
}

void HostSupervisor::StartProcess(base::TimePoint now) {
  if (std::exchange(started_before_, true)) restarts_.fetch_add(1, std::memory_order_relaxed);
  absl::StatusOr<std::unique_ptr<HostProcess>> process = HostProcess::Start(options_.command);
  if (!process.ok()) {
    life_.OnNotStarted(now);
    if (life_.comes_back()) {
      ROUTER_LOG(kError, "callback host: %s; next try in %.1f s",
                 std::string(process.status().message()), base::ToSeconds(life_.delay()));
    }
    Decide(process.status());
    return;
  }
  process_ = *std::move(process);
  started_ = now;
  status_text_.clear();
  last_line_.clear();
  problem_ = absl::OkStatus();
  life_.OnStarted(now);
  ROUTER_LOG(kInfo, "callback host %d started for '%s'", process_->pid(), options_.what);
}

void HostSupervisor::Terminate() {
  if (!life_.stopping() && problem_.ok()) {
    problem_ =
        process_->status_fd() < 0
            ? absl::FailedPreconditionError("it has closed its status descriptor without a word")
            : absl::DeadlineExceededError(absl::StrFormat(
                  "it is not ready after %.0f s", base::ToSeconds(options_.timing.ready_within)));
    ROUTER_LOG(kError, "callback host %d: %s; ending it", process_->pid(),
               std::string(problem_.message()));
  }
  ready_.store(false, std::memory_order_relaxed);
  process_->Terminate();
}

void HostSupervisor::Wait(base::TimePoint now) {
  std::array<pollfd, 5> polls;
  polls.fill({.fd = -1, .events = POLLIN, .revents = 0});
  if (!life_.stopping()) polls[0].fd = wake_fd_;
  base::Duration patience = std::chrono::hours(1);
  if (life_.wake_at() != base::TimePoint::max()) {
    patience = std::clamp<base::Duration>(life_.wake_at() - now, base::Duration(0), patience);
  }
  if (process_ != nullptr) {
    polls[1].fd = process_->status_fd();
    polls[2].fd = process_->output_fd();
    polls[3].fd = process_->error_fd();
    polls[4].fd = process_->exit_fd();
    if (process_->exit_fd() < 0) patience = std::min<base::Duration>(patience, kLook);
  }
  if (has_left_out_) patience = std::min<base::Duration>(patience, std::chrono::seconds(1));
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
  ::poll(polls.data(), polls.size(), static_cast<int>(milliseconds));

  if (polls[0].revents != 0) life_.Stop();
  TellOfLeftOut(clock_.Now());
  if (process_ == nullptr) return;
  // What it has said counts before its end.
  if (polls[1].revents != 0) ReadStatus();
  ReadOutput(process_->output_fd(), &HostProcess::CloseOutput, &output_, base::LogLevel::kInfo);
  ReadOutput(process_->error_fd(), &HostProcess::CloseError, &error_, base::LogLevel::kWarning);
  LookForExit();
}

void HostSupervisor::ReadStatus() {
  std::array<char, 4096> bytes;
  while (process_->status_fd() >= 0) {
    const ssize_t got = ::read(process_->status_fd(), bytes.data(), bytes.size());
    if (got < 0) {
      if (errno == EINTR) continue;
      return;
    }
    status_text_.append(bytes.data(), static_cast<size_t>(got));
    const size_t end = status_text_.find('\n');
    if (got > 0 && end == std::string::npos && status_text_.size() <= kMaxHostStatusBytes) continue;
    process_->CloseStatus();
    if (status_text_.empty()) {
      life_.OnUnfit(clock_.Now());  // its end will tell more
    } else {
      TakeStatus(ParseHostStatus(std::string_view(status_text_).substr(0, end)));
    }
  }
}

void HostSupervisor::TakeStatus(const absl::StatusOr<HostStatus>& status) {
  const base::TimePoint now = clock_.Now();
  if (!status.ok() || !status->ready) {
    problem_ =
        status.ok() ? WhyNot(*status) : absl::FailedPreconditionError(status.status().message());
    ROUTER_LOG(kError, "callback host %d: %s", process_->pid(), std::string(problem_.message()));
    life_.OnUnfit(now);
    return;
  }
  life_.OnReady(now);
  ready_.store(true, std::memory_order_relaxed);
  ROUTER_LOG(kInfo, "callback host %d is ready after %.1f s: '%s' has %s", process_->pid(),
             base::ToSeconds(now - started_), options_.what, Hooks(*status));
  if (!hooks_) hooks_ = *status;
  if (*hooks_ != *status) {
    ROUTER_LOG(kWarning,
               "'%s' had %s when the router was started, and that is what the router goes on to "
               "call: restart it",
               options_.what, Hooks(*hooks_));
  }
  Decide(*status);
}

void HostSupervisor::ReadOutput(int fd, void (HostProcess::*close)(), HostOutput* lines,
                                base::LogLevel level) {
  std::array<char, 65536> bytes;
  for (int i = 0; fd >= 0 && i < kReadsPerTurn; ++i) {
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    if (got > 0) {
      lines->Add({bytes.data(), static_cast<size_t>(got)},
                 [&](std::string_view line) { Forward(level, line); });
    } else if (got == 0) {
      (process_.get()->*close)();
      return;
    } else if (errno != EINTR) {
      return;
    }
  }
}

void HostSupervisor::Forward(base::LogLevel level, std::string_view line) {
  last_line_ = line;
  if (!base::LogEnabled(level)) return;
  const base::TimePoint now = clock_.Now();
  TellOfLeftOut(now);
  if (!limiter_.Admit(now)) {
    has_left_out_ = true;
    return;
  }
  base::LogMessage(level, absl::StrFormat("callback host %d: %s", process_->pid(), ForLog(line)),
                   __FILE__, __LINE__);
}

void HostSupervisor::TellOfLeftOut(base::TimePoint now) {
  if (!has_left_out_) return;
  const uint64_t lines = limiter_.TakeLeftOut(now);
  if (lines == 0) return;
  has_left_out_ = false;
  ROUTER_LOG(kWarning, "callback host: %d more lines of its output were left out", lines);
}

void HostSupervisor::LookForExit() {
  const std::optional<int> status = process_->Reap();
  if (!status) return;
  // What it left in its pipes, which others may hold open.
  ReadStatus();
  ReadOutput(process_->output_fd(), &HostProcess::CloseOutput, &output_, base::LogLevel::kInfo);
  ReadOutput(process_->error_fd(), &HostProcess::CloseError, &error_, base::LogLevel::kWarning);
  output_.End([this](std::string_view line) { Forward(base::LogLevel::kInfo, line); });
  error_.End([this](std::string_view line) { Forward(base::LogLevel::kWarning, line); });

  std::string end = DescribeExit(*status);
  // By itself, so nobody here has sent that.
  if (life_.ready() && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL) {
    end += ", perhaps for lack of memory";
  }
  const base::TimePoint now = clock_.Now();
  life_.OnExit(now);
  ready_.store(false, std::memory_order_relaxed);
  if (life_.comes_back()) {
    ROUTER_LOG(kWarning,
               "callback host %d ended after %.1f s (%s): requests that need it fail until it is "
               "back; next try in %.1f s",
               process_->pid(), base::ToSeconds(now - started_), end,
               base::ToSeconds(life_.delay()));
  } else {
    ROUTER_LOG(kInfo, "callback host %d has ended (%s)", process_->pid(), end);
  }
  if (problem_.ok()) {
    problem_ = absl::UnavailableError(absl::StrFormat(
        "it ended before it was ready (%s)%s", end,
        last_line_.empty() ? "" : absl::StrFormat("; its last line: %s", ForLog(last_line_))));
  }
  Decide(problem_);
  process_.reset();
}

}  // namespace vllm_router::callbacks
