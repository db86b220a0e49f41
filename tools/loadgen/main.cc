// loadgen: see --help.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <fstream>

#include "tools/loadgen/modes.h"
#include "tools/loadgen/options.h"

namespace vllm_router::loadgen {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

int Complain(const absl::Status& status, int exit_status) {
  std::fprintf(stderr, "loadgen: %s\n", std::string(status.message()).c_str());
  return exit_status;
}

// Thousands of connections need more than the usual soft limit of 1024.
void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Report RunMode(const Options& options, const Address& address, const std::string& body) {
  if (options.mode == Mode::kIdle) {
    return RunIdle(options, address, MakeGet(options.target, options.headers));
  }
  const std::string request = MakePost(options.target, body, options.headers);
  switch (options.mode) {
    case Mode::kStream:
      return RunStream(options, address, request);
    case Mode::kRate:
      return RunRate(options, address, request);
    default:
      return RunClosed(options, address, request);
  }
}

int Main(const std::vector<std::string_view>& args) {
  const absl::StatusOr<Options> options = ParseOptions(args);
  if (!options.ok()) return Complain(options.status(), kExitUsage);
  if (options->help) {
    std::fputs(HelpText().c_str(), stdout);
    return 0;
  }
  const absl::StatusOr<std::string> body = BodyOf(*options);
  if (!body.ok()) return Complain(body.status(), kExitUsage);
  if (options->mode == Mode::kBody) {
    std::fwrite(body->data(), 1, body->size(), stdout);
    return 0;
  }
  const absl::StatusOr<Address> address = Resolve(options->target);
  if (!address.ok()) return Complain(address.status(), kExitFailed);

  RaiseFileLimit();
  std::signal(SIGPIPE, SIG_IGN);
  const Report report = RunMode(*options, *address, *body);
  std::fputs(report.text.c_str(), stdout);
  if (!options->json_file.empty() &&
      !(std::ofstream(options->json_file) << report.json << "\n").flush()) {
    return Complain(absl::UnknownError("cannot write " + options->json_file), kExitFailed);
  }
  return options->fail_on_error && !report.clean ? kExitFailed : 0;
}

}  // namespace
}  // namespace vllm_router::loadgen

int main(int argc, char** argv) {
  return vllm_router::loadgen::Main(std::vector<std::string_view>(argv + 1, argv + argc));
}
