// vllm-router: flags in, a running router until SIGTERM or SIGINT, exit 0. A bad command line or a
// configuration that cannot start exits with 2.
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include "server/app/app.h"
#include "server/app/flags.h"
#include "server/app/help.h"
#include "server/app/signals.h"
#include "server/app/version.h"
#include "server/base/log.h"
#include "server/gateway/access_record.h"

namespace {

using vllm_router::app::App;

int Refuse(const absl::Status& status) {
  std::fprintf(stderr, "vllm-router: %s\n", std::string(status.message()).c_str());
  return 2;
}

int Run(vllm_router::app::StartRouter start) {
  vllm_router::base::SetLogLevel(start.config.log.level);
  vllm_router::base::SetLogFormat(start.config.log.format);
  vllm_router::app::BlockSignals();
  vllm_router::base::StartLog(std::make_unique<vllm_router::gateway::AccessRenderer>());
  for (const std::string& warning : start.warnings) ROUTER_LOG(kWarning, "%s", warning);
  absl::StatusOr<std::unique_ptr<App>> app = App::Create(std::move(start));
  if (!app.ok()) {
    const bool told_to_end = absl::IsCancelled(app.status());
    if (told_to_end) ROUTER_LOG(kInfo, "told to end before the start was over");
    vllm_router::base::StopLog();
    if (told_to_end) return 0;
    return Refuse(app.status());
  }
  (*app)->Start();
  const std::string_view first = vllm_router::app::WaitForSignal();
  ROUTER_LOG(kInfo, "%s received", first);
  // A second signal ends the waiting. The thread blocks in sigwait until the process ends.
  std::thread([raw = app->get()] {
    const std::string_view second = vllm_router::app::WaitForSignal();
    ROUTER_LOG(kWarning, "%s received again: ending now", second);
    raw->Hurry();
  }).detach();
  (*app)->Shutdown();
  vllm_router::base::StopLog();
  std::fflush(nullptr);
  // Not through destructors: the detached thread may still name the app.
  std::_Exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  absl::StatusOr<vllm_router::app::CommandLine> command =
      vllm_router::app::ParseCommandLine(argc, argv);
  if (!command.ok()) return Refuse(command.status());
  if (std::holds_alternative<vllm_router::app::ShowHelp>(*command)) {
    std::fputs(vllm_router::app::HelpText(vllm_router::app::HelpColumns()).c_str(), stdout);
    return 0;
  }
  if (std::holds_alternative<vllm_router::app::ShowVersion>(*command)) {
    std::printf("vllm-router %s\n", std::string(vllm_router::app::Version()).c_str());
    return 0;
  }
  return Run(std::get<vllm_router::app::StartRouter>(*std::move(command)));
}
