#include "tools/routerctl/top/screen.h"

// Before ncurses, whose macros have common names.
#include <sys/ioctl.h>
#include <unistd.h>

#include <clocale>
#include <exception>
#include <string>
#include <utility>

#include "tools/routerctl/top/terminal_type.h"

#define NCURSES_NOMACROS 1
#include <curses.h>

namespace vllm_router::routerctl::top {
namespace {

constexpr int kEscapeDelayMs = 25;  // that tells Esc from the first byte of an arrow key
constexpr short kAlertColour = 1;
constexpr short kWarningColour = 2;

std::terminate_handler previous_terminate = nullptr;

// Nothing is unwound when nobody catches: the message would be lost on a screen that stays broken.
void LeaveScreenAndTerminate() {
  ::endwin();
  previous_terminate();
}

attr_t Attributes(Style style, bool colour) {
  switch (style) {
    case Style::kNormal:
      return A_NORMAL;
    case Style::kTitle:
      return A_REVERSE;
    case Style::kBold:
      return A_BOLD;
    case Style::kDim:
      return A_DIM;
    case Style::kWarning:
      return colour ? static_cast<attr_t>(COLOR_PAIR(kWarningColour)) : A_NORMAL;
    case Style::kAlert:
      return A_BOLD | (colour ? static_cast<attr_t>(COLOR_PAIR(kAlertColour)) : A_NORMAL);
  }
  return A_NORMAL;
}

}  // namespace

struct Screen::Terminal {
  SCREEN* screen = nullptr;
  bool colour = false;
  bool utf8 = false;
};

absl::StatusOr<std::unique_ptr<Screen>> Screen::Open(bool colour) {
  if (::isatty(STDIN_FILENO) == 0) {
    return absl::FailedPreconditionError("standard input is not a terminal: no key could be read");
  }
  auto terminal = std::make_unique<Terminal>();
  std::setlocale(LC_CTYPE, "");
  terminal->utf8 = MB_CUR_MAX > 1;
  if (absl::Status status = CheckTerminalType(); !status.ok()) return status;
  terminal->screen = ::newterm(nullptr, stdout, stdin);
  if (terminal->screen == nullptr) {
    return absl::FailedPreconditionError("the terminal cannot be set up");
  }
  ::cbreak();
  ::noecho();
  ::nonl();
  ::set_escdelay(kEscapeDelayMs);
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  ::curs_set(0);
  if (colour && ::has_colors() && ::start_color() == OK) {
    const short background = ::use_default_colors() == OK ? -1 : COLOR_BLACK;
    ::init_pair(kAlertColour, COLOR_RED, background);
    ::init_pair(kWarningColour, COLOR_YELLOW, background);
    terminal->colour = true;
  }
  return std::unique_ptr<Screen>(new Screen(std::move(terminal)));
}

Screen::Screen(std::unique_ptr<Terminal> terminal) : terminal_(std::move(terminal)) {
  previous_terminate = std::set_terminate(LeaveScreenAndTerminate);
}

Screen::~Screen() {
  std::set_terminate(previous_terminate);
  ::endwin();
  ::delscreen(terminal_->screen);
}

size_t Screen::width() const { return static_cast<size_t>(::getmaxx(stdscr)); }
size_t Screen::height() const { return static_cast<size_t>(::getmaxy(stdscr)); }

void Screen::Resize() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
    return;
  ::resizeterm(size.ws_row, size.ws_col);
  ::clearok(curscr, TRUE);
}

std::optional<Key> Screen::ReadKey() {
  const int code = ::wgetch(stdscr);
  switch (code) {
    case ERR:
      return std::nullopt;
    case KEY_UP:
      return kKeyUp;
    case KEY_DOWN:
      return kKeyDown;
    case KEY_PPAGE:
      return kKeyPageUp;
    case KEY_NPAGE:
      return kKeyPageDown;
    case KEY_HOME:
      return kKeyHome;
    case KEY_END:
      return kKeyEnd;
    case KEY_ENTER:
    case '\r':
    case '\n':
      return kKeyEnter;
    case 0x1b:
      return kKeyEscape;
    case KEY_BACKSPACE:
    case 0x7f:
    case '\b':
      return kKeyBackspace;
    case '\f':
      ::clearok(curscr, TRUE);
      return kKeyRedraw;
    default:
      return code < 0x100 ? code : kKeyRedraw;
  }
}

void Screen::Draw(const std::vector<Line>& lines) {
  ::werase(stdscr);
  int y = 0;
  for (const Line& line : lines) {
    std::string text = line.text;
    if (!terminal_->utf8) {
      for (char& c : text) c = static_cast<unsigned char>(c) < 0x80 ? c : '?';
    }
    ::wattrset(stdscr, static_cast<int>(Attributes(line.style, terminal_->colour)));
    ::mvwaddnstr(stdscr, y++, 0, text.data(), static_cast<int>(text.size()));
  }
  ::wattrset(stdscr, A_NORMAL);
  ::wrefresh(stdscr);
}

}  // namespace vllm_router::routerctl::top
