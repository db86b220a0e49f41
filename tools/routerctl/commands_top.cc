#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "absl/time/clock.h"
#include "tools/routerctl/calls.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/top/feed.h"
#include "tools/routerctl/top/page.h"
#include "tools/routerctl/top/screen.h"
#include "tools/routerctl/top/signals.h"

namespace vllm_router::routerctl {
namespace {

constexpr absl::Duration kDefaultInterval = absl::Seconds(1);
constexpr int kRedrawMs = 1000;  // at the latest: ages and countdowns move without news

// What came while waiting.
struct News {
  int signal = 0;
  bool keys = false;
  bool terminal_gone = false;
};

News Wait(top::Feed& feed, top::Signals& signals) {
  std::array<pollfd, 3> polled = {{{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                   {.fd = feed.wake_fd(), .events = POLLIN, .revents = 0},
                                   {.fd = signals.fd(), .events = POLLIN, .revents = 0}}};
  (void)::poll(polled.data(), polled.size(), kRedrawMs);
  feed.ClearWake();
  return {.signal = signals.Read(),
          .keys = (polled[0].revents & POLLIN) != 0,
          .terminal_gone = (polled[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0};
}

bool Ends(int signal) { return signal != 0 && signal != SIGWINCH; }

// The signal that ended it; 0 when it was a key.
absl::StatusOr<int> Watch(top::Feed& feed, top::Signals& signals, top::Screen& screen,
                          top::Page page) {
  while (true) {
    feed.Look([&](const top::State& state) {
      while (const std::optional<top::Key> key = screen.ReadKey()) page.Press(*key, state);
      screen.Draw(page.Lines(state, absl::Now(), screen.width(), screen.height()));
    });
    feed.SetInterval(page.interval());
    if (page.done()) return 0;
    if (const auto end = feed.end(); end.has_value()) return *end;
    const News news = Wait(feed, signals);
    if (Ends(news.signal)) return news.signal;
    if (news.terminal_gone) return SIGHUP;
    if (news.signal == SIGWINCH) screen.Resize();
  }
}

absl::StatusOr<int> Run(Invocation& in, absl::Duration interval) {
  top::Signals signals;
  ROUTER_ASSIGN_OR_RETURN(const Client* client, in.client());
  top::Feed feed(client, interval);
  // The screen is not touched before it is known that there is something to show.
  while (!feed.reached()) {
    if (const auto end = feed.end(); end.has_value()) return *end;
    if (const News news = Wait(feed, signals); Ends(news.signal)) return news.signal;
  }
  auto screen = top::Screen::Open(in.env.Variable("NO_COLOR").empty());
  if (!screen.ok()) return UsageError("top: " + std::string(screen.status().message()));
  signals.AllowStopping();
  return Watch(feed, signals, **screen, top::Page(in.address(), interval));
}

absl::Status Top(Invocation& in) {
  if (!in.env.terminal) {
    return UsageError("top: standard output is not a terminal; use: routerctl stats --watch");
  }
  if (in.Has("--output")) {
    return UsageError("top: is for people; programs use: routerctl stats --watch -o json");
  }
  ROUTER_ASSIGN_OR_RETURN(const auto interval, in.GetDuration("--interval"));
  ROUTER_ASSIGN_OR_RETURN(const int signal, Run(in, interval.value_or(kDefaultInterval)));
  // Ctrl-C is one way to quit.
  if (signal != 0 && signal != SIGINT) top::DieBySignal(signal);
  return absl::OkStatus();
}

}  // namespace

std::vector<CommandSpec> TopCommands() {
  return {
      {.name = "top",
       .arguments = "",
       .summary = "Show live what the router, its backends, models and shards do, full-screen.",
       .example = "routerctl top --interval 2s",
       .run = Top,
       .flags = {{.name = "--interval",
                  .metavar = "DURATION",
                  .help = "Time between two figures, 100ms to 1h. Default: 1s."}},
       .notes =
           "Keys: 1 2 3 or Tab changes the table, s and r the order, / filters, space pauses,\n"
           "+ and - change the interval, arrows and PgUp PgDn scroll, ? is help, q quits.\n"
           "NO_COLOR=1 leaves colours out.\n"},
  };
}

}  // namespace vllm_router::routerctl
