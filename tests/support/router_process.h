// The real vllm-router binary as a child process on 127.0.0.1, for tests of what it does on the
// wire: flags in, its port and its log out.
//
//   RouterProcess router({"--static-backends", engine.url(), "--static-models", "m"});
//   ASSERT_TRUE(router.WaitUntilReady());
//   ... Fetch(router.port(), Get("/health")) ...
//   router.Signal(SIGTERM);
//   EXPECT_EQ(router.WaitForExit(), 0);
//
// A process that ends without having been told to, and every report of a sanitizer, fails the
// running test with the end of the log. The destructor kills what still runs. One owner; a thread
// of its own reads both pipes, so that the router never blocks on its log.
#ifndef TESTS_SUPPORT_ROUTER_PROCESS_H_
#define TESTS_SUPPORT_ROUTER_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace vllm_router::test {

class RouterProcess {
 public:
  static constexpr std::chrono::milliseconds kPatience{20000};  // of every wait

  // What a test wants of nearly every router, each added unless `flags` names it: --host 127.0.0.1,
  // --port 0, --service-discovery static, --routing-logic roundrobin, --drain-delay-seconds 0 and
  // no admin service.
  static std::vector<std::string> WithDefaults(std::vector<std::string> flags);

  // Starts the binary with exactly WithDefaults(flags), or `flags` alone if not `defaults`.
  explicit RouterProcess(std::vector<std::string> flags, bool defaults = true);
  ~RouterProcess();
  RouterProcess(const RouterProcess&) = delete;
  RouterProcess& operator=(const RouterProcess&) = delete;

  // True when it has said on which port it serves. False (and a failure of the test): it ended.
  bool WaitUntilReady();
  uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }

  // A signal is taken as leave to end.
  void Signal(int number);
  // Its exit status, 128 + N after signal N; nullopt when it still runs after the patience. Asking
  // is taken as leave to end.
  std::optional<int> WaitForExit(std::chrono::milliseconds patience = kPatience);

  // The first line, old or new, in which `regex` (ECMAScript) is found; nullopt if none came.
  std::optional<std::string> WaitForLog(const std::string& regex,
                                        std::chrono::milliseconds patience = kPatience);
  // How many lines hold `text` so far.
  size_t CountLog(std::string_view text) const;
  // Its lines, stdout and stderr as they came.
  std::vector<std::string> Log() const;
  std::vector<std::string> ErrorLog() const;  // stderr alone

  // The sum over all lines of a family of GET /metrics. Adds a failure and returns -1 if the family
  // is not there.
  double Metric(std::string_view name) const;
  // Asks again and again until `wanted` holds for that sum; false if it did not in time.
  bool WaitForMetric(std::string_view name, const std::function<bool(double)>& wanted,
                     std::chrono::milliseconds patience = kPatience) const;
  bool WaitForMetric(std::string_view name, double value) const;
  // No attempt is in flight at any engine and no request is being worked on, at once or soon.
  bool AllInFlightZero() const;

 private:
  struct Line {
    bool error;
    std::string text;
  };

  void Start(const std::vector<std::string>& arguments);
  void ReadPipes();
  void TakeBytes(bool error, std::string_view bytes, std::string* partial);
  // Reaps the child if it has ended.
  bool Ended();
  std::string Tail() const;

  pid_t pid_ = -1;
  std::optional<int> exit_status_;
  bool may_end_ = false;
  uint16_t port_ = 0;
  int pipes_[2] = {-1, -1};  // stdout, stderr
  std::thread reader_;

  mutable base::Mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::vector<Line> lines_ ABSL_GUARDED_BY(mutex_);
  bool log_ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// The sum of a family on a page in Prometheus' text format; nullopt if it has no line there.
std::optional<double> MetricSum(std::string_view page, std::string_view name);

}  // namespace vllm_router::test

#endif  // TESTS_SUPPORT_ROUTER_PROCESS_H_
