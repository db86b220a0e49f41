// Calls ParseCommandLine as main() does, and names the parts of its answer that tests look at.
#ifndef TESTS_UNIT_APP_PARSE_H_
#define TESTS_UNIT_APP_PARSE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/app/flags.h"

namespace vllm_router::app {

using Args = std::vector<std::string>;

inline absl::StatusOr<CommandLine> Parse(const Args& args) {
  std::vector<const char*> argv = {"vllm-router"};
  for (const std::string& arg : args) argv.push_back(arg.c_str());
  return ParseCommandLine(static_cast<int>(argv.size()), argv.data());
}

// The least that starts a router.
inline Args Minimal() {
  return {"--service-discovery", "static", "--static-backends", "http://localhost:9001",
          "--static-models",     "llama",  "--routing-logic",   "roundrobin"};
}

inline Args MinimalAnd(const Args& more) {
  Args args = Minimal();
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

// The text of the error, or what was returned instead of one.
inline std::string ErrorOf(const Args& args) {
  const absl::StatusOr<CommandLine> line = Parse(args);
  if (line.ok()) return "(no error)";
  if (line.status().code() != absl::StatusCode::kInvalidArgument) return line.status().ToString();
  return std::string(line.status().message());
}

// An empty Config and the error as the only warning when the router would not start.
inline StartRouter StartOf(const Args& args) {
  absl::StatusOr<CommandLine> line = Parse(args);
  if (!line.ok()) return {Config{}, {"error: " + std::string(line.status().message())}};
  if (auto* start = std::get_if<StartRouter>(&*line)) return std::move(*start);
  return {Config{}, {"error: shows help or version"}};
}

}  // namespace vllm_router::app

#endif  // TESTS_UNIT_APP_PARSE_H_
