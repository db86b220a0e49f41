// The command line of the binary `fake-engine`. `--flag value` or `--flag=value`; switches take no
// value. Nothing is printed here. Thread-safe: functions without state.
#ifndef TOOLS_FAKE_ENGINE_FLAGS_H_
#define TOOLS_FAKE_ENGINE_FLAGS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/fake_engine/options.h"

namespace vllm_router::fake_engine {

struct CommandLine {
  bool help = false;
  Options options;                    // without the port
  std::vector<uint16_t> ports = {0};  // one engine each
};

// `arguments` without the program's name. InvalidArgument: one line for the operator.
absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string_view>& arguments);

std::string HelpText();

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_FLAGS_H_
