#include "server/callbacks/host_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"

namespace vllm_router::callbacks {
namespace {

using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::unique_ptr<HostProcess> RunScript(const std::string& script) {
  auto process = HostProcess::Start({"sh", "-c", script});
  EXPECT_TRUE(process.ok()) << process.status();
  return *std::move(process);
}

// Until its end, or until nobody has the other end any more.
std::string ReadAll(int fd) {
  std::string text;
  std::array<char, 4096> bytes;
  while (true) {
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    if (got == 0) return text;
    if (got > 0) {
      text.append(bytes.data(), static_cast<size_t>(got));
      continue;
    }
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, 20'000) == 0) return text + " (and nothing more came)";
  }
}

int WaitFor(HostProcess& process) {
  while (true) {
    if (const auto status = process.Reap()) return *status;
    pollfd wait{.fd = process.exit_fd(), .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, 20'000);
  }
}

TEST(HostProcess, HasItsPipesWhereTheyBelong) {
  auto process = RunScript("echo out; echo err >&2; echo status >&3; exec 3>&-; cat");
  EXPECT_EQ(ReadAll(process->status_fd()), "status\n");
  process->Terminate();
  EXPECT_EQ(ReadAll(process->output_fd()), "out\n");
  EXPECT_EQ(ReadAll(process->error_fd()), "err\n");
}

TEST(HostProcess, EndsWithItsStandardInput) {
  // Which is all that tells it that the router was killed.
  auto process = RunScript("trap '' TERM; exec 3>&-; cat; echo gone; exit 5");
  EXPECT_EQ(ReadAll(process->status_fd()), "");
  process->Terminate();
  EXPECT_EQ(ReadAll(process->output_fd()), "gone\n");
  EXPECT_EQ(DescribeExit(WaitFor(*process)), "exit status 5");
}

TEST(HostProcess, InheritsNoOtherDescriptor) {
  const int careless = ::fcntl(STDOUT_FILENO, F_DUPFD, 50);
  ASSERT_GE(careless, 50);
  auto process = RunScript("cd /proc/$$/fd && echo *");
  EXPECT_EQ(ReadAll(process->output_fd()), "0 1 2 3 4\n") << "the last one is the look itself";
  ::close(careless);
}

TEST(HostProcess, StartsWithoutStandardStreamsOfOurs) {
  // Then a pipe of ours gets their numbers.
  const int kept = ::dup(STDIN_FILENO);
  ::close(STDIN_FILENO);
  auto process = RunScript("echo status >&3; exec 3>&-; cat");
  EXPECT_EQ(ReadAll(process->status_fd()), "status\n");
  process.reset();
  ::dup2(kept, STDIN_FILENO);
  ::close(kept);
}

TEST(HostProcess, HasSignalsAsANewProcessAndAGroupOfItsOwn) {
  std::unique_ptr<HostProcess> process;
  std::thread([&] {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    process = RunScript("grep -E 'Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f5 /proc/$$/stat");
  }).join();
  const std::string text = ReadAll(process->output_fd());
  EXPECT_THAT(text, HasSubstr("SigBlk:\t0000000000000000\n"));
  // The two above the first 31 are glibc's own.
  EXPECT_THAT(text, ContainsRegex("SigIgn:\t0000000[01][08]0000000\n"));
  EXPECT_THAT(text, EndsWith(absl::StrFormat("\n%d\n", process->pid())));
}

TEST(HostProcess, PrintsAtOnceAndKeepsTheEnvironment) {
  ::setenv("HOST_PROCESS_TEST", "kept", 1);
  ::setenv("PYTHONUNBUFFERED", "", 1);
  auto process = RunScript("echo $HOST_PROCESS_TEST $PYTHONUNBUFFERED");
  EXPECT_EQ(ReadAll(process->output_fd()), "kept 1\n");
  ::unsetenv("HOST_PROCESS_TEST");
  ::unsetenv("PYTHONUNBUFFERED");
}

TEST(HostProcess, SaysHowItEnded) {
  EXPECT_EQ(DescribeExit(WaitFor(*RunScript("exit 3"))), "exit status 3");
  EXPECT_EQ(DescribeExit(WaitFor(*RunScript("kill -TERM $$"))), "SIGTERM");
  auto process = RunScript("cat");
  EXPECT_EQ(process->Reap(), std::nullopt);
  process->Kill();
  EXPECT_EQ(DescribeExit(WaitFor(*process)), "SIGKILL");
  process->Kill();  // nobody's number any more: nothing happens
  process->Terminate();
}

TEST(HostProcess, TakesItsChildrenAlong) {
  // The pipe ends when the last who has it is gone.
  auto process = RunScript("sleep 1000 & exit 0");
  EXPECT_EQ(WaitFor(*process), 0);
  EXPECT_EQ(ReadAll(process->output_fd()), "");
}

TEST(HostProcess, SaysWhenThereIsNoSuchProgram) {
  const auto process = HostProcess::Start({"/no/such/python"});
  EXPECT_EQ(process.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(process.status().message(),
            "cannot start '/no/such/python': No such file or directory");
  EXPECT_THAT(HostProcess::Start({"/proc/self/status"}).status().ToString(),
              HasSubstr("Permission denied"));
}

}  // namespace
}  // namespace vllm_router::callbacks
