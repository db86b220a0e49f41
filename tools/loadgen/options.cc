#include "tools/loadgen/options.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "tools/loadgen/model_names.h"

namespace vllm_router::loadgen {
namespace {

constexpr std::array<std::string_view, 5> kModeNames = {"stream", "rate", "closed", "idle", "body"};

constexpr unsigned Bit(Mode mode) { return 1u << static_cast<unsigned>(mode); }
constexpr unsigned kStream = Bit(Mode::kStream);
constexpr unsigned kRate = Bit(Mode::kRate);
constexpr unsigned kClosed = Bit(Mode::kClosed);
constexpr unsigned kIdle = Bit(Mode::kIdle);
constexpr unsigned kBody = Bit(Mode::kBody);
constexpr unsigned kRuns = kStream | kRate | kClosed | kIdle;
constexpr unsigned kPosts = kStream | kRate | kClosed;

absl::Status Seconds(std::string_view text, double* out) {
  constexpr double kMost = 1e6;
  if (!absl::SimpleAtod(base::AbslView(text), out) || !(*out >= 0 && *out <= kMost)) {
    return absl::InvalidArgumentError("must be a number from 0 to 1000000");
  }
  return absl::OkStatus();
}

absl::Status Positive(std::string_view text, double* out) {
  ROUTER_RETURN_IF_ERROR(Seconds(text, out));
  return *out > 0 ? absl::OkStatus() : absl::InvalidArgumentError("must be above 0");
}

absl::Status Count(std::string_view text, uint64_t least, uint64_t* out) {
  constexpr uint64_t kMost = 1'000'000'000;
  const std::optional<uint64_t> value = base::ParseUint(text);
  if (!value || *value < least || *value > kMost) {
    return absl::InvalidArgumentError(
        absl::StrFormat("must be a whole number from %d to %d", least, kMost));
  }
  *out = *value;
  return absl::OkStatus();
}

absl::Status SetContent(std::string_view text, Options& options) {
  if (text == "text") {
    options.content = Options::ContentChoice::kText;
  } else if (text == "base64") {
    options.content = Options::ContentChoice::kBase64;
  } else {
    return absl::InvalidArgumentError("must be text or base64");
  }
  return absl::OkStatus();
}

struct Flag {
  std::string_view name;
  std::string_view value;  // how the help calls it; empty for a switch
  unsigned modes;
  std::string_view help;
  absl::Status (*set)(std::string_view text, Options& options);
};

const Flag kFlags[] = {
    {"seconds", "S", kRuns,
     "how long to start requests (stream, rate, closed) or to hold (idle); 10",
     [](std::string_view t, Options& o) { return Seconds(t, &o.seconds); }},
    {"streams", "N", kStream, "streams at the same time; 100",
     [](std::string_view t, Options& o) { return Count(t, 1, &o.streams); }},
    {"tokens", "N", kPosts | kBody,
     "max_tokens of each request, in stream checked against what comes; 0 = left out, not checked",
     [](std::string_view t, Options& o) { return Count(t, 0, &o.tokens); }},
    {"itl-ms", "MS", kStream, "the engine's time between tokens, to which jitter refers; 10",
     [](std::string_view t, Options& o) { return Positive(t, &o.itl_ms); }},
    {"ramp-seconds", "S", kStream, "the first requests are spread over this time; 0.5",
     [](std::string_view t, Options& o) { return Seconds(t, &o.ramp_seconds); }},
    {"drain-seconds", "S", kStream | kRate,
     "what runs at the end of the time may take this long; 10",
     [](std::string_view t, Options& o) { return Seconds(t, &o.drain_seconds); }},
    {"rate", "R", kRate, "requests per second, in an even row; 1000",
     [](std::string_view t, Options& o) { return Positive(t, &o.rate); }},
    {"connections", "N", kRate | kClosed | kIdle,
     "connections (rate: at most; all are opened at the start); 64",
     [](std::string_view t, Options& o) { return Count(t, 1, &o.connections); }},
    {"requests", "N", kStream | kClosed, "stop after exactly N requests; 0 = when the time is over",
     [](std::string_view t, Options& o) { return Count(t, 0, &o.requests); }},
    {"warmup-seconds", "S", kRate | kClosed,
     "latencies of requests that start in this first part of the time are left out; 0",
     [](std::string_view t, Options& o) { return Seconds(t, &o.warmup_seconds); }},
    {"timeout-seconds", "S", kRuns, "a request fails when no byte comes for this long; 30",
     [](std::string_view t, Options& o) { return Positive(t, &o.timeout_seconds); }},
    {"body", "SIZE", kPosts | kBody, "1k (994 B), 32k (32637 B), 1m (1040256 B) or bytes; 1k",
     [](std::string_view t, Options& o) {
       const absl::StatusOr<size_t> bytes = ParseBodySize(t);
       if (bytes.ok()) o.body_bytes = *bytes;
       return bytes.status();
     }},
    {"content", "KIND", kPosts | kBody,
     "text or base64 (a picture); base64 from 512 KiB on, below it text", SetContent},
    {"body-file", "FILE", kPosts, "send this file instead",
     [](std::string_view t, Options& o) {
       o.body_file = std::string(t);
       return absl::OkStatus();
     }},
    {"model", "NAME", kPosts | kBody, "model of the body; test-model",
     [](std::string_view t, Options& o) {
       o.model = std::string(t);
       return absl::OkStatus();
     }},
    {"models", "N", kClosed,
     "name so many models, NAME-0 and so on (digits as needed), in turn; 0 = just NAME",
     [](std::string_view t, Options& o) { return Count(t, 0, &o.models); }},
    {"header", "'N: V'", kRuns, "one more header field, or another value; may be repeated",
     [](std::string_view t, Options& o) {
       const absl::StatusOr<Header> header = ParseHeader(t);
       if (header.ok()) o.headers.push_back(*header);
       return header.status();
     }},
    {"json", "FILE", kRuns, "write the result there too, as one JSON object",
     [](std::string_view t, Options& o) {
       o.json_file = std::string(t);
       return absl::OkStatus();
     }},
    {"fail-on-error", "", kRuns, "exit 1 when anything failed, was cut, missing or out of order",
     [](std::string_view, Options& o) {
       o.fail_on_error = true;
       return absl::OkStatus();
     }},
};

absl::Status BadUsage(std::string_view text) {
  return absl::InvalidArgumentError(absl::StrFormat("%s (see loadgen --help)", text));
}

// Takes args[*at], and its value from the same or the next argument.
absl::Status TakeFlag(const std::vector<std::string_view>& args, size_t* at, Options* options) {
  const std::string_view arg = args[*at];
  const size_t equals = std::min(arg.find('='), arg.size());
  const std::string_view name = arg.substr(2, equals - 2);
  const auto* flag = std::find_if(std::begin(kFlags), std::end(kFlags),
                                  [name](const Flag& known) { return known.name == name; });
  if (flag == std::end(kFlags)) {
    return BadUsage(absl::StrFormat("unknown flag --%s", base::Printable(name)));
  }
  if ((flag->modes & Bit(options->mode)) == 0) {
    return BadUsage(absl::StrFormat("--%s has no meaning for %s", name, ModeName(options->mode)));
  }
  std::string_view value;
  if (flag->value.empty()) {
    if (equals < arg.size()) return BadUsage(absl::StrFormat("--%s takes no value", name));
  } else if (equals < arg.size()) {
    value = arg.substr(equals + 1);
  } else if (++*at < args.size()) {
    value = args[*at];
  } else {
    return BadUsage(absl::StrFormat("--%s needs a value", name));
  }
  absl::Status set = flag->set(value, *options);
  if (set.ok()) return set;
  return BadUsage(
      absl::StrFormat("--%s %s: %s", name, base::Printable(value), std::string(set.message())));
}

absl::Status TakeUrl(std::string_view url, Options* options) {
  if (!options->url.empty()) {
    return BadUsage(absl::StrFormat("unexpected argument %s", base::Printable(url)));
  }
  absl::StatusOr<Target> target = ParseTarget(url);
  if (!target.ok()) return BadUsage(std::string(target.status().message()));
  options->url = std::string(url);
  options->target = *std::move(target);
  if (options->target.path.empty()) {
    options->target.path = options->mode == Mode::kIdle ? "/health" : "/v1/chat/completions";
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view ModeName(Mode mode) { return kModeNames[static_cast<size_t>(mode)]; }

absl::StatusOr<Options> ParseOptions(const std::vector<std::string_view>& args) {
  Options options;
  for (const std::string_view arg : args) options.help |= arg == "--help" || arg == "-h";
  if (options.help) return options;
  if (args.empty()) return BadUsage("no mode given");
  const auto* mode = std::find(kModeNames.begin(), kModeNames.end(), args[0]);
  if (mode == kModeNames.end()) {
    return BadUsage(absl::StrFormat("unknown mode %s", base::Printable(args[0])));
  }
  options.mode = static_cast<Mode>(mode - kModeNames.begin());
  for (size_t i = 1; i < args.size(); ++i) {
    if (args[i].starts_with("--")) {
      ROUTER_RETURN_IF_ERROR(TakeFlag(args, &i, &options));
    } else {
      ROUTER_RETURN_IF_ERROR(TakeUrl(args[i], &options));
    }
  }
  if (options.url.empty() && options.mode != Mode::kBody) return BadUsage("no URL given");
  if (options.models > 0 && !options.body_file.empty()) {
    return BadUsage("--models has no meaning for a --body-file");
  }
  return options;
}

absl::StatusOr<std::string> BodyOf(const Options& options) {
  if (!options.body_file.empty()) {
    std::ifstream file(options.body_file, std::ios::binary);
    if (!file) {
      return absl::NotFoundError(
          absl::StrFormat("cannot read %s", base::Printable(options.body_file)));
    }
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  constexpr size_t kPicture = 512u << 10;
  const bool base64 =
      options.content == Options::ContentChoice::kBase64 ||
      (options.content == Options::ContentChoice::kBySize && options.body_bytes >= kPicture);
  return MakeBody({.bytes = options.body_bytes,
                   .content = base64 ? Content::kBase64 : Content::kText,
                   .model = options.models > 0 ? ModelNames(options.model, options.models).First()
                                               : options.model,
                   .stream = options.mode == Mode::kStream,
                   .max_tokens = options.tokens});
}

std::string HelpText() {
  std::string help =
      "loadgen: HTTP load for an OpenAI-compatible server, and a check of what comes back\n"
      "\n"
      "usage: loadgen MODE URL [flags]     (URL: http://host:port[/path])\n"
      "\n"
      "modes\n"
      "  stream  SSE chat streams: tokens/s, missing and reordered tokens, delay, jitter\n"
      "  rate    open loop: requests at a fixed rate; latency counts from the planned start\n"
      "  closed  closed loop: each connection sends its next request when it has its answer\n"
      "  idle    opens connections, one GET each (path /health), and holds them\n"
      "  body    prints the request body; needs no URL\n"
      "\n"
      "stream and idle print a line that begins with \"ready\" when all streams have begun or all\n"
      "connections stand. Path without one in the URL: /v1/chat/completions.\n"
      "\n"
      "flags (modes; what; default)\n";
  for (const Flag& flag : kFlags) {
    std::string modes;
    for (size_t i = 0; i < kModeNames.size(); ++i) {
      if ((flag.modes & (1u << i)) != 0)
        modes += (modes.empty() ? "" : ", ") + std::string(kModeNames[i]);
    }
    absl::StrAppendFormat(&help, "  --%s %s  [%s]\n        %s\n", flag.name, flag.value, modes,
                          flag.help);
  }
  help +=
      "\n"
      "exit status: 0; 1 when the run could not be made, or with --fail-on-error when anything\n"
      "failed; 2 for bad usage.\n";
  return help;
}

}  // namespace vllm_router::loadgen
