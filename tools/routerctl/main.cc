#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>
#include <string_view>

#include "tools/routerctl/run.h"

int main(int argc, char** argv) {
  vllm_router::routerctl::Environment env;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    if (text.substr(0, 10) != "ROUTERCTL_" && text.substr(0, equals) != "NO_COLOR") continue;
    env.variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  winsize size{};
  env.terminal = isatty(STDOUT_FILENO) != 0;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) env.columns = size.ws_col;
  env.in = &std::cin;
  return vllm_router::routerctl::Run({argv + 1, argv + argc}, env, std::cout, std::cerr);
}
