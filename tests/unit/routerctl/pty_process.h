// A program in a terminal of its own, which is a VT52 (TERM=vt52: little enough to be played by a
// test) unless said otherwise. One owner, one thread. The destructor kills what still runs.
#ifndef TESTS_UNIT_ROUTERCTL_PTY_PROCESS_H_
#define TESTS_UNIT_ROUTERCTL_PTY_PROCESS_H_

#include <sys/types.h>
#include <termios.h>

#include <string>
#include <vector>

namespace vllm_router::test_support {

class PtyProcess {
 public:
  PtyProcess(const std::vector<std::string>& args, const std::vector<std::string>& environment,
             unsigned short columns = 80, unsigned short rows = 24);
  ~PtyProcess();
  PtyProcess(const PtyProcess&) = delete;
  PtyProcess& operator=(const PtyProcess&) = delete;

  void Type(const std::string& keys) const;
  void Resize(unsigned short columns, unsigned short rows);
  void Signal(int number) const;

  // False, and a failure of the test that shows the screen, when `text` does not come in time.
  bool WaitForText(const std::string& text);
  // Its exit status, or 128 + N after signal N; -1 when it does not end.
  int WaitForExit();

  // The screen's lines, without the spaces at their ends.
  std::string Text() const;
  // Every byte that was written.
  const std::string& output() const { return output_; }
  // The terminal's mode is what it was at the start.
  bool IsRestored() const;

 private:
  // Takes what has been written, waiting a moment for it.
  void Read();
  void Put(char c);

  pid_t pid_ = -1;
  bool ended_ = false;
  int master_ = -1;
  int slave_ = -1;
  termios before_{};
  std::string output_;
  std::vector<std::string> screen_;
  std::string escape_;
  size_t row_ = 0;
  size_t column_ = 0;
};

}  // namespace vllm_router::test_support

#endif  // TESTS_UNIT_ROUTERCTL_PTY_PROCESS_H_
