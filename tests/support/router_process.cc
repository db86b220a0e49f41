#include "tests/support/router_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <regex>

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "server/base/strings.h"
#include "tests/support/raw_client.h"

namespace vllm_router::test {
namespace {

constexpr size_t kTailLines = 60;
constexpr const char* kServes = "serves on https?://.*:([0-9]+) ";

bool IsSanitizerReport(std::string_view line) {
  return line.find("Sanitizer:") != std::string_view::npos ||
         line.find("runtime error:") != std::string_view::npos ||
         line.find("Assertion '") != std::string_view::npos;
}

}  // namespace

std::vector<std::string> RouterProcess::WithDefaults(std::vector<std::string> flags) {
  static const std::vector<std::pair<std::string, std::string>> kDefaults = {
      {"--host", "127.0.0.1"},           {"--port", "0"},
      {"--service-discovery", "static"}, {"--routing-logic", "roundrobin"},
      {"--drain-delay-seconds", "0"},    {"--admin-address", ""},
  };
  for (const auto& [name, value] : kDefaults) {
    const auto given = [&name = name](const std::string& flag) {
      return flag == name || flag.starts_with(name + "=");
    };
    if (std::any_of(flags.begin(), flags.end(), given)) continue;
    flags.push_back(name + "=" + value);
  }
  return flags;
}

RouterProcess::RouterProcess(std::vector<std::string> flags, bool defaults) {
  Start(defaults ? WithDefaults(std::move(flags)) : flags);
}

void RouterProcess::Start(const std::vector<std::string>& arguments) {
  const std::string binary = ROUTER_BINARY_DIR "/vllm-router";
  std::vector<char*> argv = {const_cast<char*>(binary.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  int out[2];
  int err[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) {
    ADD_FAILURE() << "pipe: " << std::strerror(errno);
    return;
  }
  ::unsetenv("VLLM_API_KEY");
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {  // only calls that are safe between fork and exec
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    ::execv(binary.c_str(), argv.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);
  pipes_[0] = out[0];
  pipes_[1] = err[0];
  if (pid_ < 0) ADD_FAILURE() << "fork: " << std::strerror(errno);
  reader_ = std::thread([this] { ReadPipes(); });
}

RouterProcess::~RouterProcess() {
  const bool ended = Ended();
  if (ended && !may_end_) {
    ADD_FAILURE() << "vllm-router ended by itself with status " << *exit_status_ << "; its log:\n"
                  << Tail();
  }
  if (!ended && pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (reader_.joinable()) reader_.join();
  for (const int fd : pipes_) {
    if (fd >= 0) ::close(fd);
  }
  const std::vector<std::string> log = Log();
  if (std::any_of(log.begin(), log.end(), IsSanitizerReport)) {
    std::string all;
    for (const std::string& line : log) all += line + "\n";
    ADD_FAILURE() << "vllm-router was reported by a sanitizer or an assertion:\n" << all;
  } else if (testing::Test::HasFailure()) {
    GTEST_LOG_(INFO) << "the end of vllm-router's log:\n" << Tail();
  }
}

void RouterProcess::ReadPipes() {
  std::string partial[2];
  bool open[2] = {true, true};
  while (open[0] || open[1]) {
    pollfd polls[2] = {{open[0] ? pipes_[0] : -1, POLLIN, 0},
                       {open[1] ? pipes_[1] : -1, POLLIN, 0}};
    if (::poll(polls, 2, -1) < 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (polls[i].revents == 0) continue;
      char bytes[16384];
      const ssize_t got = ::read(pipes_[i], bytes, sizeof(bytes));
      if (got > 0) {
        TakeBytes(i == 1, {bytes, static_cast<size_t>(got)}, &partial[i]);
      } else if (got == 0 || errno != EINTR) {
        open[i] = false;
      }
    }
  }
  for (int i = 0; i < 2; ++i) {
    if (!partial[i].empty()) TakeBytes(i == 1, "\n", &partial[i]);
  }
  base::MutexLock lock(&mutex_);
  log_ended_ = true;
  changed_.notify_all();
}

void RouterProcess::TakeBytes(bool error, std::string_view bytes, std::string* partial) {
  partial->append(bytes);
  base::MutexLock lock(&mutex_);
  size_t begin = 0;
  for (size_t end; (end = partial->find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines_.push_back({error, partial->substr(begin, end - begin)});
  }
  partial->erase(0, begin);
  changed_.notify_all();
}

bool RouterProcess::WaitUntilReady() {
  const std::optional<std::string> line = WaitForLog(kServes);
  if (!line) {
    ADD_FAILURE() << "vllm-router does not serve; its log:\n" << Tail();
    return false;
  }
  std::smatch match;
  std::regex_search(*line, match, std::regex(kServes));
  port_ = static_cast<uint16_t>(std::stoi(match[1]));
  return true;
}

void RouterProcess::Signal(int number) {
  may_end_ = true;
  if (!Ended()) ::kill(pid_, number);
}

bool RouterProcess::Ended() {
  if (exit_status_ || pid_ <= 0) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

std::optional<int> RouterProcess::WaitForExit(std::chrono::milliseconds patience) {
  may_end_ = true;
  {
    // Its pipes close when it ends, which is what can be waited for.
    base::MutexLock lock(&mutex_);
    const auto ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return log_ended_; };
    if (!changed_.wait_for(mutex_, patience, ended)) return std::nullopt;
  }
  while (!Ended()) std::this_thread::yield();
  return exit_status_;
}

std::optional<std::string> RouterProcess::WaitForLog(const std::string& regex,
                                                     std::chrono::milliseconds patience) {
  const std::regex wanted(regex);
  const auto until = std::chrono::steady_clock::now() + patience;
  size_t seen = 0;
  base::MutexLock lock(&mutex_);
  while (true) {
    for (; seen < lines_.size(); ++seen) {
      if (std::regex_search(lines_[seen].text, wanted)) return lines_[seen].text;
    }
    if (log_ended_) return std::nullopt;
    if (changed_.wait_until(mutex_, until) == std::cv_status::timeout && seen == lines_.size()) {
      return std::nullopt;
    }
  }
}

size_t RouterProcess::CountLog(std::string_view text) const {
  base::MutexLock lock(&mutex_);
  return static_cast<size_t>(std::count_if(lines_.begin(), lines_.end(), [text](const Line& line) {
    return line.text.find(text) != std::string::npos;
  }));
}

std::vector<std::string> RouterProcess::Log() const {
  base::MutexLock lock(&mutex_);
  std::vector<std::string> log;
  for (const Line& line : lines_) log.push_back(line.text);
  return log;
}

std::vector<std::string> RouterProcess::ErrorLog() const {
  base::MutexLock lock(&mutex_);
  std::vector<std::string> log;
  for (const Line& line : lines_) {
    if (line.error) log.push_back(line.text);
  }
  return log;
}

std::string RouterProcess::Tail() const {
  const std::vector<std::string> log = Log();
  std::string tail;
  for (size_t i = log.size() - std::min(log.size(), kTailLines); i < log.size(); ++i) {
    tail += log[i] + "\n";
  }
  return tail;
}

double RouterProcess::Metric(std::string_view name) const {
  const absl::StatusOr<RawResponse> page = Fetch(port_, Get("/metrics", "Connection: close\r\n"));
  if (!page.ok()) {
    ADD_FAILURE() << "GET /metrics: " << page.status();
    return -1;
  }
  const std::optional<double> sum = MetricSum(page->body, name);
  if (!sum) ADD_FAILURE() << name << " is not on the page:\n" << page->body;
  return sum.value_or(-1);
}

bool RouterProcess::WaitForMetric(std::string_view name, const std::function<bool(double)>& wanted,
                                  std::chrono::milliseconds patience) const {
  const auto until = std::chrono::steady_clock::now() + patience;
  double value;
  do {
    value = Metric(name);
    if (wanted(value)) return true;
  } while (value >= 0 && std::chrono::steady_clock::now() < until);
  GTEST_LOG_(INFO) << name << " is still " << value;
  return false;
}

bool RouterProcess::WaitForMetric(std::string_view name, double value) const {
  return WaitForMetric(name, [value](double now) { return now == value; });
}

bool RouterProcess::AllInFlightZero() const {
  return WaitForMetric("vllm_router_backend_in_flight", 0) &&
         WaitForMetric("vllm_router_active_requests", 0);
}

std::optional<double> MetricSum(std::string_view page, std::string_view name) {
  std::optional<double> sum;
  while (!page.empty()) {
    const std::string_view line = page.substr(0, page.find('\n'));
    page.remove_prefix(std::min(page.size(), line.size() + 1));
    // A family without any line yet stands there with its type only.
    if (line.starts_with(absl::StrFormat("# TYPE %s ", name))) sum = sum.value_or(0);
    if (!line.starts_with(name) || line.size() == name.size()) continue;
    const char next = line[name.size()];
    if (next != ' ' && next != '{') continue;
    sum = sum.value_or(0) +
          std::strtod(std::string(line.substr(line.rfind(' ') + 1)).c_str(), nullptr);
  }
  return sum;
}

}  // namespace vllm_router::test
