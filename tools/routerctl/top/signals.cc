#include "tools/routerctl/top/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>
#include <initializer_list>

namespace vllm_router::routerctl::top {
namespace {

sigset_t Set(std::initializer_list<int> numbers) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : numbers) ::sigaddset(&set, number);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t polled = Set({SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGWINCH});
  sigset_t blocked = polled;
  ::sigaddset(&blocked, SIGTSTP);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  fd_ = ::signalfd(-1, &polled, SFD_NONBLOCK | SFD_CLOEXEC);
}

Signals::~Signals() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  ::close(fd_);
}

int Signals::Read() {
  signalfd_siginfo info{};
  return ::read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

void Signals::AllowStopping() {
  const sigset_t stop = Set({SIGTSTP});
  ::pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);
}

void DieBySignal(int number) {
  // ncurses leaves handlers of its own.
  (void)std::signal(number, SIG_DFL);
  (void)std::raise(number);
  std::_Exit(128 + number);
}

}  // namespace vllm_router::routerctl::top
