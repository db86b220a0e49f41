// The supervisor with shell scripts as hosts: every way in which a real process can go wrong.
#include "server/callbacks/host_supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_format.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_directory.h"

namespace vllm_router::callbacks {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test_support::Eventually;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kReady =
    "echo '{\"ready\":true,\"pre_request\":true,\"post_request\":false}' >&3; exec 3>&-; ";
// Until the router is gone.
constexpr std::string_view kServe = "read line";

class HostSupervisorTest : public ::testing::Test {
 protected:
  static HostOptions Script(std::string_view script) {
    return {.what = "my.handler", .command = {"sh", "-c", std::string(script)}};
  }
  static absl::StatusOr<HostStatus> Start(HostSupervisor& host) {
    return host.Start([] { return false; });
  }
  // Of a start that fails.
  static absl::Status Failure(const HostOptions& options) {
    HostSupervisor host(options);
    return Start(host).status();
  }
  std::string FileText(const std::string& name) const {
    std::ifstream file(directory_.path() + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // 'x' quoted for a script.
  std::string File(const std::string& name) const {
    return absl::StrFormat("'%s/%s'", directory_.path(), name);
  }
  // Whether the process is there, and more than a zombie.
  static bool Lives(pid_t pid) {
    std::ifstream file(absl::StrFormat("/proc/%d/stat", pid));
    std::string text{std::istreambuf_iterator<char>(file), {}};
    const size_t behind = text.rfind(')');
    return behind != std::string::npos && text.at(behind + 2) != 'Z';
  }

  // What is logged from now on; at the end of a test.
  class Log {
   public:
    Log() {
      testing::internal::CaptureStdout();
      testing::internal::CaptureStderr();
    }
    ~Log() {
      if (open_) Take();
    }
    std::string Take() {
      open_ = false;
      return testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
    }

   private:
    bool open_ = true;
  };

  test::TempDirectory directory_;
};

TEST_F(HostSupervisorTest, IsReadyWhenTheHostSaysSo) {
  HostSupervisor host(Script(absl::StrFormat("%s%s", kReady, kServe)));
  const auto status = Start(host);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, (HostStatus{.ready = true, .pre_request = true}));
  EXPECT_TRUE(host.ready());
  EXPECT_EQ(host.restarts(), 0u);
  host.Stop();
  EXPECT_FALSE(host.ready());
  host.Stop();
}

TEST_F(HostSupervisorTest, ForwardsWhatTheHostPrints) {
  Log log;
  {
    HostSupervisor host(
        Script(absl::StrFormat("echo to stdout; echo 'File \"a.py\"' >&2; printf '\\033[2J\\n'; "
                               "printf 'the end' >&2; %s%s",
                               kReady, kServe)));
    ASSERT_TRUE(Start(host).ok());
  }
  EXPECT_THAT(log.Take(),
              AllOf(HasSubstr("INFO: callback host "), HasSubstr(": to stdout ("),
                    HasSubstr("WARNING: callback host "), HasSubstr(": File \"a.py\" ("),
                    HasSubstr(": \\x1b[2J ("), HasSubstr(": the end ("),
                    HasSubstr("'my.handler' has pre_request")));
}

TEST_F(HostSupervisorTest, SaysWhichProgramIsMissing) {
  const absl::Status failure = Failure({.what = "x", .command = {"no-such-python", "-m", "x"}});
  EXPECT_EQ(failure.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(failure.message(), "cannot start 'no-such-python': No such file or directory");
}

TEST_F(HostSupervisorTest, SaysWhatTheHostCouldNotLoad) {
  Log log;
  const absl::Status failure = Failure(
      Script("echo '{\"ready\":false,\"module\":\"a.b\",\"attribute\":\"inst\","
             "\"message\":\"NameError: x\"}' >&3; exec 3>&-; echo 'a late traceback' >&2; exit 3"));
  EXPECT_EQ(failure.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(failure.message(), "cannot load 'inst' of module 'a.b': NameError: x");
  EXPECT_THAT(log.Take(), AllOf(HasSubstr("a late traceback"), HasSubstr("(exit status 3)")));
}

TEST_F(HostSupervisorTest, SaysHowAHostEndedWithoutAWord) {
  const absl::Status failure =
      Failure(Script("echo 'sh: No module named vllm_router' >&2; exit 1"));
  EXPECT_EQ(failure.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(failure.message(),
            "it ended before it was ready (exit status 1); its last line: sh: No module named "
            "vllm_router");
  EXPECT_EQ(Failure(Script("kill -SEGV $$")).message(), "it ended before it was ready (SIGSEGV)");
}

TEST_F(HostSupervisorTest, DoesNotWaitForEverForAHostThatIsNeverReady) {
  HostOptions options = Script(kServe);
  options.timing.ready_within = milliseconds(50);
  const absl::Status failure = Failure(options);
  EXPECT_EQ(failure.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(failure.message()), StartsWith("it is not ready after "));
}

TEST_F(HostSupervisorTest, RefusesAStatusThatIsNone) {
  HostOptions options = Script(absl::StrFormat("echo Serving >&3; %s", kServe));
  options.timing.unfit_grace = milliseconds(1);
  EXPECT_THAT(Failure(options).ToString(), HasSubstr("its status 'Serving' is not valid JSON: "));
  options.command.back() = absl::StrFormat("exec 3>&-; %s", kServe);
  EXPECT_EQ(Failure(options).message(), "it has closed its status descriptor without a word");
  options.command.back() = absl::StrFormat("printf '{' >&3; exec 3>&-; %s", kServe);
  EXPECT_THAT(Failure(options).ToString(), HasSubstr("its status '{' is not valid JSON: "));
}

TEST_F(HostSupervisorTest, DoesNotKeepAStatusOfTenMegabytes) {
  Log log;
  const absl::Status failure =
      Failure(Script("head -c 10000000 /dev/zero | tr '\\000' x >&3; exit 1"));
  EXPECT_EQ(failure.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(failure.message()), HasSubstr("...' is too long"));
  EXPECT_LT(failure.message().size(), 300u);
}

TEST_F(HostSupervisorTest, GivesUpWhenNobodyWaits) {
  HostSupervisor host(Script(kServe));
  EXPECT_EQ(host.Start([] { return true; }).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(HostSupervisorTest, StartsTheHostAgainAndAgain) {
  Log log;
  HostOptions options = Script(absl::StrFormat("%sexit 7", kReady));
  options.timing.first_delay = milliseconds(1);
  options.timing.longest_delay = milliseconds(2);
  {
    HostSupervisor host(options);
    ASSERT_TRUE(Start(host).ok());
    EXPECT_TRUE(Eventually([&] { return host.restarts() >= 5; }));
  }
  EXPECT_THAT(log.Take(),
              AllOf(HasSubstr("(exit status 7): requests that need it fail until it is back; next "
                              "try in "),
                    Not(HasSubstr("lack of memory"))));
}

TEST_F(HostSupervisorTest, StartsAKilledHostAgainAndGuessesWhy) {
  Log log;
  HostOptions options = Script(absl::StrFormat("echo $$ > %s; %s%s", File("pid"), kReady, kServe));
  options.timing.first_delay = milliseconds(1);
  {
    HostSupervisor host(options);
    ASSERT_TRUE(Start(host).ok());
    const std::string first = FileText("pid");
    ASSERT_EQ(::kill(std::stoi(first), SIGKILL), 0);
    EXPECT_TRUE(Eventually([&] { return host.restarts() == 1 && host.ready(); }));
    EXPECT_NE(FileText("pid"), first);
  }
  EXPECT_THAT(log.Take(), HasSubstr("(SIGKILL, perhaps for lack of memory): requests"));
}

TEST_F(HostSupervisorTest, KeepsTryingAHostThatCannotLoadAnyMore) {
  Log log;
  HostOptions options = Script(absl::StrFormat(
      "if [ -e %s ]; then echo '{\"ready\":false,\"message\":\"SyntaxError\"}' >&3; exit 3; fi; "
      "touch %s; %sexit 0",
      File("broken"), File("broken"), kReady));
  options.timing.first_delay = options.timing.longest_delay = milliseconds(1);
  {
    HostSupervisor host(options);
    ASSERT_TRUE(Start(host).ok());
    EXPECT_TRUE(Eventually([&] { return host.restarts() >= 3; }));
    EXPECT_FALSE(host.ready());
    std::filesystem::remove(directory_.path() + "/broken");
    EXPECT_TRUE(Eventually([&] { return host.restarts() >= 6; }));
  }
  EXPECT_THAT(log.Take(), HasSubstr("cannot load module '': SyntaxError"));
}

TEST_F(HostSupervisorTest, SaysWhenTheHandlerHasOtherHooksThanAtTheStart) {
  Log log;
  HostOptions options = Script(absl::StrFormat(
      "if [ -e %s ]; then echo '{\"ready\":true,\"pre_request\":true,\"post_request\":true}' >&3; "
      "%s; fi; touch %s; %sexit 0",
      File("other"), kServe, File("other"), kReady));
  options.timing.first_delay = milliseconds(1);
  {
    HostSupervisor host(options);
    ASSERT_TRUE(Start(host).ok());
    EXPECT_TRUE(Eventually([&] { return host.restarts() == 1 && host.ready(); }));
  }
  EXPECT_THAT(log.Take(), HasSubstr("WARNING: 'my.handler' had pre_request when the router was "
                                    "started, and that is what the router goes on to call"));
}

TEST_F(HostSupervisorTest, KillsWhatIgnoresSigtermWithItsChildren) {
  Log log;
  HostOptions options = Script(
      absl::StrFormat("trap '' TERM; sleep 1000 & echo $$ $! > %s; %swhile :; do sleep 0.01; done",
                      File("pids"), kReady));
  options.timing.stop_grace = milliseconds(50);
  HostSupervisor host(options);
  ASSERT_TRUE(Start(host).ok());
  pid_t leader = 0;
  pid_t child = 0;
  std::ifstream(directory_.path() + "/pids") >> leader >> child;
  ASSERT_TRUE(Lives(leader) && Lives(child));
  host.Stop();
  EXPECT_FALSE(Lives(leader));
  EXPECT_TRUE(Eventually([&] { return !Lives(child); }));
  EXPECT_THAT(log.Take(), HasSubstr("does not end within 0 s of SIGTERM: killing it"));
}

TEST_F(HostSupervisorTest, IsNotHeldUpByAFloodOfOutput) {
  Log log;
  {
    HostSupervisor host(Script(absl::StrFormat(
        "yes to-stderr | head -n 50000 >&2; %syes | tr -d '\\n' & yes to-stdout & wait", kReady)));
    ASSERT_TRUE(Start(host).ok());
  }
  const std::string text = log.Take();
  EXPECT_THAT(
      text, AllOf(HasSubstr(": to-stderr ("), HasSubstr("more lines of its output were left out")));
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 2000);
}

}  // namespace
}  // namespace vllm_router::callbacks
