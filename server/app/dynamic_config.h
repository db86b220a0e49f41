// What the configuration file means for a router that runs: which of its changes need a restart,
// and what /health shows of it. Pure functions; any thread.
#ifndef SERVER_APP_DYNAMIC_CONFIG_H_
#define SERVER_APP_DYNAMIC_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/app/config_file.h"
#include "server/app/flags_given.h"

namespace vllm_router::app {

// `started` and `next` are what StartRouter::values was at the start and would be now. What needs a
// restart (FlagSpec::needs_restart and restart_for) has to be what it was; everything else may
// change.
// InvalidArgumentError names the first setting that differs, and its place in `file`.
absl::Status CheckRestart(const ConfigFile& file, const std::vector<FlagValue>& started,
                          const std::vector<FlagValue>& next);

// The JSON object that stands as `dynamic_config` in the original's /health: the keys that it can
// reload, sorted, with the values in force; those given neither in the file nor on the command line
// as the original has them then, most of them null.
std::string RenderDynamicConfig(const std::vector<FlagValue>& values);

}  // namespace vllm_router::app

#endif  // SERVER_APP_DYNAMIC_CONFIG_H_
