#include "tests/unit/routerctl/pty_process.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "gtest/gtest.h"

namespace vllm_router::test_support {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{20};
constexpr int kGlanceMs = 20;

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

PtyProcess::PtyProcess(const std::vector<std::string>& args,
                       const std::vector<std::string>& environment, unsigned short columns,
                       unsigned short rows)
    : screen_(rows, std::string(columns, ' ')) {
  const std::vector<char*> argv = Pointers(args);
  const std::vector<char*> envp = Pointers(environment);
  const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  EXPECT_EQ(::openpty(&master_, &slave_, nullptr, nullptr, &size), 0);
  ::tcgetattr(slave_, &before_);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::close(master_);
    ::login_tty(slave_);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::fcntl(master_, F_SETFL, O_NONBLOCK);
}

PtyProcess::~PtyProcess() {
  if (!ended_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(master_);
  ::close(slave_);
}

void PtyProcess::Type(const std::string& keys) const {
  EXPECT_EQ(::write(master_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

void PtyProcess::Resize(unsigned short columns, unsigned short rows) {
  screen_.assign(rows, std::string(columns, ' '));
  row_ = column_ = 0;
  const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  EXPECT_EQ(::ioctl(master_, TIOCSWINSZ, &size), 0);
}

void PtyProcess::Signal(int number) const { EXPECT_EQ(::kill(pid_, number), 0); }

bool PtyProcess::WaitForText(const std::string& text) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (Text().find(text) == std::string::npos) {
    if (Clock::now() > deadline) {
      ADD_FAILURE() << "\"" << text << "\" is not on the screen:\n" << Text();
      return false;
    }
    Read();
  }
  return true;
}

int PtyProcess::WaitForExit() {
  const Clock::time_point deadline = Clock::now() + kPatience;
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() > deadline) return -1;
    Read();
  }
  ended_ = true;
  Read();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string PtyProcess::Text() const {
  std::string text;
  for (const std::string& line : screen_) {
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

bool PtyProcess::IsRestored() const {
  termios now{};
  ::tcgetattr(slave_, &now);
  return now.c_lflag == before_.c_lflag && now.c_iflag == before_.c_iflag &&
         now.c_oflag == before_.c_oflag;
}

void PtyProcess::Read() {
  pollfd polled{.fd = master_, .events = POLLIN, .revents = 0};
  (void)::poll(&polled, 1, kGlanceMs);
  std::array<char, 4096> buffer;
  ssize_t count = 0;
  while ((count = ::read(master_, buffer.data(), buffer.size())) > 0) {
    output_.append(buffer.data(), static_cast<size_t>(count));
    for (ssize_t i = 0; i < count; ++i) Put(buffer[static_cast<size_t>(i)]);
  }
}

// A VT52, as far as its terminfo entry lets ncurses use it.
void PtyProcess::Put(char c) {
  const size_t rows = screen_.size();
  const size_t columns = screen_[0].size();
  if (!escape_.empty()) {
    escape_ += c;
    if (escape_[1] == 'Y' && escape_.size() < 4) return;
    switch (escape_[1]) {
      case 'A':
        row_ -= row_ > 0 ? 1 : 0;
        break;
      case 'B':
        row_ = std::min(row_ + 1, rows - 1);
        break;
      case 'C':
        column_ = std::min(column_ + 1, columns - 1);
        break;
      case 'D':
        column_ -= column_ > 0 ? 1 : 0;
        break;
      case 'H':
        row_ = column_ = 0;
        break;
      case 'Y':
        row_ = std::min<size_t>(static_cast<size_t>(escape_[2] - ' '), rows - 1);
        column_ = std::min<size_t>(static_cast<size_t>(escape_[3] - ' '), columns - 1);
        break;
      case 'J':
        for (size_t i = row_ + 1; i < rows; ++i) screen_[i].assign(columns, ' ');
        [[fallthrough]];
      case 'K':
        std::fill(screen_[row_].begin() + static_cast<ptrdiff_t>(column_), screen_[row_].end(),
                  ' ');
        break;
      default:
        break;
    }
    escape_.clear();
    return;
  }
  switch (c) {
    case '\x1b':
      escape_ = c;
      break;
    case '\r':
      column_ = 0;
      break;
    case '\b':
      column_ -= column_ > 0 ? 1 : 0;
      break;
    case '\n':
      row_ = std::min(row_ + 1, rows - 1);
      break;
    case '\t':
      column_ = std::min((column_ / 8 + 1) * 8, columns - 1);
      break;
    default:
      if (static_cast<unsigned char>(c) < ' ') break;
      screen_[row_][column_] = c;
      column_ = std::min(column_ + 1, columns - 1);
  }
}

}  // namespace vllm_router::test_support
