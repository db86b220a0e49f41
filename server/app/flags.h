// The command line: argv in, a checked Config (or "show the help") out. Nothing is printed here and
// no file is opened.
//
// Spelling as the original's argparse: `--flag value` or `--flag=value`, dashes (underscores too),
// switches without a value, unique prefixes of long names. gflags holds definitions, defaults and
// types; its own parser is not used, because it exits by itself and answers to flags that are not
// ours.
#ifndef SERVER_APP_FLAGS_H_
#define SERVER_APP_FLAGS_H_

#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "server/app/config.h"

namespace vllm_router::app {

struct StartRouter {
  Config config;
  std::vector<std::string> warnings;  // one line each, to be logged as WARNING once the log runs
};
struct ShowHelp {};
struct ShowVersion {};
using CommandLine = std::variant<StartRouter, ShowHelp, ShowVersion>;

// `argv[0]` is not looked at. Reads VLLM_API_KEY from the environment. An error is one line for the
// operator, without the program's name: print "vllm-router: " and the message to stderr, exit with
// 2 (as argparse does). May be called again: each call starts from the defaults. Not thread-safe
// (gflags' values are globals).
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv);

}  // namespace vllm_router::app

#endif  // SERVER_APP_FLAGS_H_
