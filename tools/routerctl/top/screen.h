// The terminal, by ncurses: full-screen while this lives, and as it was before afterwards, also
// when the process ends by an exception. Handles nothing but the terminal: signals are its owner's.
// At most one at a time, on one thread.
#ifndef TOOLS_ROUTERCTL_TOP_SCREEN_H_
#define TOOLS_ROUTERCTL_TOP_SCREEN_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/routerctl/top/header.h"
#include "tools/routerctl/top/key.h"

namespace vllm_router::routerctl::top {

class Screen {
 public:
  // An error, in words for the user, when standard input or output is no terminal that can do it.
  static absl::StatusOr<std::unique_ptr<Screen>> Open(bool colour);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  size_t width() const;
  size_t height() const;
  // Takes over the size that the terminal has now.
  void Resize();

  // The next key that has been pressed; nothing when there is none.
  std::optional<Key> ReadKey();
  void Draw(const std::vector<Line>& lines);

 private:
  struct Terminal;
  explicit Screen(std::unique_ptr<Terminal> terminal);

  const std::unique_ptr<Terminal> terminal_;
};

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_SCREEN_H_
