// The command line: argv in, a checked Config (or "show the help") out. Nothing is printed here,
// and no file is opened but that of --dynamic-config-yaml or --dynamic-config-json, whose keys are
// defaults of the flags.
//
// Spelling as the original's argparse: `--flag value` or `--flag=value`, dashes (underscores too),
// switches without a value, unique prefixes of long names. gflags holds definitions, defaults and
// types; its own parser is not used, because it exits by itself and answers to flags that are not
// ours.
//
// Thread-safe: one parse runs at a time, for gflags' values are globals.
#ifndef SERVER_APP_FLAGS_H_
#define SERVER_APP_FLAGS_H_

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "server/app/config.h"
#include "server/app/config_file.h"
#include "server/app/flags_given.h"

namespace vllm_router::app {

struct StartRouter {
  Config config;
  std::vector<std::string> warnings;  // one line each, to be logged as WARNING once the log runs

  std::vector<std::string> args = {};  // what was parsed, without argv[0]
  ConfigFile config_file = {};
  std::string config_text = {};        // what the file held
  std::vector<FlagValue> values = {};  // of every flag
};
struct ShowHelp {};
struct ShowVersion {};
using CommandLine = std::variant<StartRouter, ShowHelp, ShowVersion>;

// `argv[0]` is not looked at. Reads VLLM_API_KEY from the environment. An error is one line for the
// operator, without the program's name: print "vllm-router: " and the message to stderr, exit with
// 2 (as argparse does). Each call starts from the defaults.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv);

// What the command line and the file that `started` came from say now that the file holds `text`.
// An error, as above, also when that would need a restart; then nothing of it may be used. The
// command line goes on to win over the file.
absl::StatusOr<StartRouter> ParseAgain(const StartRouter& started, std::string_view text);

}  // namespace vllm_router::app

#endif  // SERVER_APP_FLAGS_H_
