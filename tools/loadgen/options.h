// The command line of loadgen: `loadgen MODE URL [--flag value ...]`.
#ifndef TOOLS_LOADGEN_OPTIONS_H_
#define TOOLS_LOADGEN_OPTIONS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/loadgen/body.h"
#include "tools/loadgen/request.h"

namespace vllm_router::loadgen {

enum class Mode : uint8_t { kStream, kRate, kClosed, kIdle, kBody };

struct Options {
  Mode mode = Mode::kClosed;
  bool help = false;
  std::string url;
  Target target;

  // What is sent.
  size_t body_bytes = 994;
  enum class ContentChoice : uint8_t { kBySize, kText, kBase64 } content = ContentChoice::kBySize;
  std::string body_file;  // replaces the made body
  std::string model = "test-model";
  uint64_t models = 0;  // so many, with a number behind `model`, in turn; 0: just `model`
  uint64_t tokens = 0;  // max_tokens of the body; 0: left out
  std::vector<Header> headers;

  // How much, and how long. Seconds are decimal.
  double seconds = 10;
  double warmup_seconds = 0;
  double timeout_seconds = 30;
  double drain_seconds = 10;
  uint64_t connections = 64;
  uint64_t requests = 0;  // 0: as many as the time allows
  double rate = 1000;
  uint64_t streams = 100;
  double ramp_seconds = 0.5;
  double itl_ms = 10;

  // What is told.
  std::string json_file;
  bool fail_on_error = false;
};

std::string_view ModeName(Mode mode);

// `args` without the program's name. InvalidArgumentError is one line, fit for the user.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string_view>& args);

// The body that the options ask for.
absl::StatusOr<std::string> BodyOf(const Options& options);

std::string HelpText();

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_OPTIONS_H_
