// fake-engine: engines on one thread, until SIGINT or SIGTERM.
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <vector>

#include "server/base/strings.h"
#include "server/net/event_loop.h"
#include "tools/fake_engine/engine.h"
#include "tools/fake_engine/flags.h"

namespace vllm_router::fake_engine {
namespace {

// Stops the loop when the process is asked to end.
class EndSignals final : private net::EventHandler {
 public:
  explicit EndSignals(net::EventLoop& loop) : loop_(loop) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    fd_ = ::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    loop_.Add(fd_, this);
  }
  ~EndSignals() {
    loop_.Remove(fd_);
    ::close(fd_);
  }

 private:
  void OnEvents(uint32_t) override { loop_.Stop(); }

  net::EventLoop& loop_;
  int fd_;
};

// Thousands of streams need as many descriptors.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

struct Served {
  Ledger ledger;
  Engine engine;
  Served(net::EventLoop& loop, const Options& options)
      : ledger(options.record_requests, options.record_answers), engine(loop, options, &ledger) {}
};

int Serve(const CommandLine& line) {
  RaiseDescriptorLimit();
  net::EventLoop loop;
  EndSignals signals(loop);
  std::vector<std::unique_ptr<Served>> served;
  for (const uint16_t port : line.ports) {
    Options options = line.options;
    options.port = port;
    served.push_back(std::make_unique<Served>(loop, options));
    if (const absl::Status bound = served.back()->engine.Listen(); !bound.ok()) {
      std::fprintf(stderr, "fake-engine: %s\n", std::string(bound.message()).c_str());
      return 1;
    }
  }
  for (const auto& one : served) {
    std::printf("fake-engine listening on %s:%d model=%s\n", line.options.host.c_str(),
                one->engine.port_number(), line.options.models.front().c_str());
  }
  std::fflush(stdout);
  loop.Run();
  return 0;
}

int Main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const absl::StatusOr<CommandLine> line = ParseCommandLine(arguments);
  if (!line.ok()) {
    std::fprintf(stderr, "fake-engine: %s\n", std::string(line.status().message()).c_str());
    return 2;
  }
  if (line->help) {
    std::fputs(HelpText().c_str(), stdout);
    return 0;
  }
  return Serve(*line);
}

}  // namespace
}  // namespace vllm_router::fake_engine

int main(int argc, char** argv) { return vllm_router::fake_engine::Main(argc, argv); }
