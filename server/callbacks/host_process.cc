#include "server/callbacks/host_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::callbacks {
namespace {

// The child's ends lie above all that they become there, so that none is overwritten on its way.
constexpr int kLowestFd = 10;

absl::Status SystemError(std::string_view what, int error) {
  return absl::InternalError(absl::StrFormat("%s: %s", what, ::strerror(error)));
}

struct Pipe {
  OwnedFd read;
  OwnedFd write;
};

enum class Ours : bool { kRead, kWrite };

// Our end does not block: nobody but the child decides when it reads or writes. The child's does.
absl::StatusOr<Pipe> MakePipe(Ours ours) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe", errno);
  Pipe pipe{OwnedFd(ends[0]), OwnedFd(ends[1])};
  OwnedFd& childs = ours == Ours::kRead ? pipe.write : pipe.read;
  OwnedFd moved(::fcntl(childs.get(), F_DUPFD_CLOEXEC, kLowestFd));
  if (moved.get() < 0) return SystemError("pipe", errno);
  childs = std::move(moved);
  const int own = (ours == Ours::kRead ? pipe.read : pipe.write).get();
  if (::fcntl(own, F_SETFL, O_NONBLOCK) != 0) return SystemError("pipe", errno);
  return pipe;
}

// Owns what posix_spawn is told.
class Instructions {
 public:
  Instructions() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  ~Instructions() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  Instructions(const Instructions&) = delete;
  Instructions& operator=(const Instructions&) = delete;

  void Give(int fd, int as) { ::posix_spawn_file_actions_adddup2(&actions_, fd, as); }
  // What libraries have opened without close-on-exec must not live on in there.
  void CloseFrom(int fd) { ::posix_spawn_file_actions_addclosefrom_np(&actions_, fd); }
  // A group of its own, so that a Ctrl-C meant for us does not reach it; no signal blocked or
  // ignored, as the threads of this process have them.
  void LikeANewProcess() {
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::vector<char*> EnvironmentWith(char* setting) {
  const std::string_view name(setting, std::string_view(setting).find('=') + 1);
  std::vector<char*> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::string_view(*entry).substr(0, name.size()) != name) all.push_back(*entry);
  }
  all.push_back(setting);
  all.push_back(nullptr);
  return all;
}

}  // namespace

void OwnedFd::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

// Not fork: copying the page tables of a large router would hold up its shards, and so would every
// page that they write before the child is another program.
absl::StatusOr<std::unique_ptr<HostProcess>> HostProcess::Start(
    const std::vector<std::string>& command) {
  ROUTER_ASSIGN_OR_RETURN(Pipe input, MakePipe(Ours::kWrite));
  ROUTER_ASSIGN_OR_RETURN(Pipe output, MakePipe(Ours::kRead));
  ROUTER_ASSIGN_OR_RETURN(Pipe error, MakePipe(Ours::kRead));
  ROUTER_ASSIGN_OR_RETURN(Pipe status, MakePipe(Ours::kRead));
  Instructions instructions;
  instructions.Give(input.read.get(), STDIN_FILENO);
  instructions.Give(output.write.get(), STDOUT_FILENO);
  instructions.Give(error.write.get(), STDERR_FILENO);
  instructions.Give(status.write.get(), kStatusFd);
  instructions.CloseFrom(kStatusFd + 1);
  instructions.LikeANewProcess();

  std::vector<std::string> arguments = command;
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::string unbuffered = "PYTHONUNBUFFERED=1";
  std::vector<char*> environment = EnvironmentWith(unbuffered.data());

  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, argv[0], instructions.actions(),
                                    instructions.attributes(), argv.data(), environment.data());
  if (failed != 0) {
    const std::string what =
        absl::StrFormat("cannot start '%s': %s", base::Printable(command[0]), ::strerror(failed));
    return failed == ENOENT ? absl::NotFoundError(what) : absl::InternalError(what);
  }
  auto process = std::unique_ptr<HostProcess>(new HostProcess(pid));
  process->input_ = std::move(input.write);
  process->output_ = std::move(output.read);
  process->error_ = std::move(error.read);
  process->status_ = std::move(status.read);
  // glibc 2.36 has a function for it that C++ cannot link. Closed on exec by itself.
  process->exit_ = OwnedFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return process;
}

HostProcess::~HostProcess() {
  if (reaped_) return;
  Kill();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void HostProcess::Terminate() {
  input_.Close();
  if (!reaped_) ::kill(pid_, SIGTERM);
}

void HostProcess::Kill() {
  if (!reaped_) ::kill(-pid_, SIGKILL);
}

std::optional<int> HostProcess::Reap() {
  siginfo_t info{};
  // Left as it is for now: until it is reaped nobody else can have its number.
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid == 0) {
    return std::nullopt;
  }
  Kill();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  return status;
}

std::string DescribeExit(int wait_status) {
  if (WIFEXITED(wait_status)) return absl::StrFormat("exit status %d", WEXITSTATUS(wait_status));
  const char* name = ::sigabbrev_np(WTERMSIG(wait_status));
  return name == nullptr ? absl::StrFormat("signal %d", WTERMSIG(wait_status))
                         : absl::StrFormat("SIG%s", name);
}

}  // namespace vllm_router::callbacks
