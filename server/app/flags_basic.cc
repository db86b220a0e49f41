// Where the router listens and on how many threads.
#include <gflags/gflags.h>

#include "server/app/flags_groups.h"

DEFINE_string(host, "0.0.0.0", "Address to listen on.");
DEFINE_int32(port, 8001, "Port to listen on. 0 takes any free one.");
DEFINE_int32(shards, 0, "Data-plane threads. 0 = one per core.");

namespace vllm_router::app {
namespace {

constexpr FlagSpec Info(std::string_view name, FlagEffect effect, std::string_view help) {
  FlagSpec spec = Switch(name).OfOriginal();
  spec.effect = effect;
  spec.why = help;
  return spec;
}

constexpr FlagSpec kFlags[] = {
    Info("help", FlagEffect::kShowsHelp, "Show this text and exit."),
    Info("version", FlagEffect::kShowsVersion, "Show the version and exit."),
    Text("host", "ADDRESS").OfOriginal().NeedsRestart(),
    Number("port", "PORT", 0, 65535).OfOriginal().NeedsRestart(),
    Number("shards", "N", 0, 1024).NeedsRestart(),
};

absl::Status Fill(Config* config, std::vector<std::string>*) {
  if (FLAGS_host.empty()) {
    return absl::InvalidArgumentError("--host '' is not allowed: give ADDRESS, such as 0.0.0.0");
  }
  config->host = FLAGS_host;
  config->port = static_cast<uint16_t>(FLAGS_port);
  config->shards = static_cast<uint32_t>(FLAGS_shards);
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& BasicFlags() {
  static constexpr FlagGroup kGroup = {"Basic", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
