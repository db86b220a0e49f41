// Signals as something to poll: while this lives, those that end a process and SIGWINCH are read
// from a file descriptor instead of interrupting. To be made before any other thread, which would
// take them, and on the thread that destroys it.
#ifndef TOOLS_ROUTERCTL_TOP_SIGNALS_H_
#define TOOLS_ROUTERCTL_TOP_SIGNALS_H_

#include <csignal>

namespace vllm_router::routerctl::top {

class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return fd_; }
  // The next one that came; 0 when there is none.
  int Read();

  // Lets this thread be stopped by Ctrl-Z. Not before the other threads run: the terminal is put in
  // order by the thread that the signal hits.
  void AllowStopping();

 private:
  sigset_t before_;
  int fd_;
};

// Ends the process as `number` would have without Signals.
[[noreturn]] void DieBySignal(int number);

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_SIGNALS_H_
