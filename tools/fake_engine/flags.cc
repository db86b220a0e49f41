#include "tools/fake_engine/flags.h"

#include <charconv>
#include <limits>
#include <optional>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "tools/fake_engine/request.h"

namespace vllm_router::fake_engine {
namespace {

struct Flag {
  std::string_view name;
  std::string_view value;  // what --help calls it; empty: a switch
  std::string_view help;
  // Takes the value; false: it is wrong.
  bool (*set)(std::string_view value, CommandLine* line);
};

template <typename Integer>
bool SetNumber(std::string_view text, Integer* out,
               uint64_t most = std::numeric_limits<Integer>::max()) {
  const std::optional<uint64_t> number = base::ParseUint(text);
  if (!number || *number > most) return false;
  *out = static_cast<Integer>(*number);
  return true;
}

bool SetDuration(std::string_view text, double unit_ms, base::Duration* out) {
  const std::optional<base::Duration> parsed = ParseMilliseconds(text);
  if (!parsed) return false;
  *out = base::Duration(static_cast<int64_t>(static_cast<double>(parsed->count()) * unit_ms));
  return true;
}

bool SetPorts(std::string_view text, CommandLine* line) {
  line->ports.clear();
  for (const std::string_view part : base::SplitList(text)) {
    if (!SetNumber(part, &line->ports.emplace_back())) return false;
  }
  return !line->ports.empty();
}

bool SetModels(std::string_view text, CommandLine* line) {
  line->options.models.clear();
  for (const std::string_view part : base::SplitList(text)) line->options.models.emplace_back(part);
  return !line->options.models.empty();
}

bool SetFault(std::string_view text, CommandLine* line) {
  const absl::StatusOr<Fault> fault = ParseFault(text);
  if (fault.ok()) line->options.fault = *fault;
  return fault.ok();
}

using View = std::string_view;
using Line = CommandLine*;

constexpr Flag kFlags[] = {
    {"port", "PORT", "port to listen on; 0 takes a free one [0]", SetPorts},
    {"ports", "LIST", "several ports, each an engine of its own in this one thread", SetPorts},
    {"host", "ADDRESS", "IPv4 address to listen on [127.0.0.1]",
     [](View v, Line l) { return !l->options.host.assign(v).empty(); }},
    {"model", "LIST", "models served; the first names the metrics [fake-model]", SetModels},
    {"accept-any-model", "", "serve whatever model a request names",
     [](View, Line l) { return l->options.accept_any_model = true; }},
    {"max-model-len", "N", "context length shown in /v1/models; not enforced [131072]",
     [](View v, Line l) { return SetNumber(v, &l->options.max_model_len); }},
    {"api-key", "KEY", "ask for `Authorization: Bearer KEY` under /v1",
     [](View v, Line l) { return !l->options.api_key.assign(v).empty(); }},
    {"tokens", "N", "natural length of an answer [16]",
     [](View v, Line l) { return SetNumber(v, &l->options.pacing.tokens, 10'000'000); }},
    {"ttft-ms", "MS", "time to the first token, or to an answer without tokens [0]",
     [](View v, Line l) { return SetDuration(v, 1, &l->options.pacing.ttft); }},
    {"itl-ms", "MS", "time between tokens, kept in slots of 1 ms [0]",
     [](View v, Line l) { return SetDuration(v, 1, &l->options.pacing.itl); }},
    {"prefill-us-per-token", "US", "added to ttft per prompt token that is not cached [0]",
     [](View v, Line l) { return SetDuration(v, 1e-3, &l->options.pacing.prefill_per_token); }},
    {"spread-phases", "", "add up to one itl to ttft, so that streams do not tick together",
     [](View, Line l) { return l->options.spread_phases = true; }},
    {"stamp-tokens", "", "token chunks carry \"seq\" and \"sent_ns\" (CLOCK_MONOTONIC)",
     [](View, Line l) { return l->options.stamp_tokens = true; }},
    {"max-running", "N", "requests at work at once, more wait in a queue; 0: no bound [0]",
     [](View v, Line l) { return SetNumber(v, &l->options.max_running); }},
    {"kv-blocks", "N", "modelled KV cache, in blocks of 16 tokens [8192]",
     [](View v, Line l) { return SetNumber(v, &l->options.kv_blocks, 1u << 24); }},
    {"no-prefix-cache", "", "never report cached tokens; saves 10 ns per 64 bytes of prompt",
     [](View, Line l) { return !(l->options.prefix_cache = false); }},
    {"embedding-dimensions", "N", "length of embeddings [16]",
     [](View v, Line l) { return SetNumber(v, &l->options.embedding_dimensions, 65536); }},
    {"keep-alive-seconds", "S", "idle connections are closed after an answer; 0: never [5]",
     [](View v, Line l) { return SetDuration(v, 1000, &l->options.keep_alive); }},
    {"fault", "KIND[:N]", "for every request that asks a model; kinds see below", SetFault},
    {"discard-large-bodies", "", "of bodies from 256 KiB on read both ends only (for benchmarks)",
     [](View, Line l) { return l->options.discard_large_bodies = true; }},
    {"record", "N", "how many of the last requests /fake/requests shows [16]",
     [](View v, Line l) { return SetNumber(v, &l->options.record_requests, 100'000); }},
    {"record-body-bytes", "N", "as much of each body [4096]",
     [](View v, Line l) { return SetNumber(v, &l->options.record_body_bytes); }},
    {"help", "", "this text", [](View, Line l) { return l->help = true; }},
};

const Flag* Find(std::string_view name) {
  for (const Flag& flag : kFlags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

absl::Status WrongValue(const Flag& flag, std::string_view value) {
  if (flag.name == "fault") return ParseFault(value).status();
  return absl::InvalidArgumentError(
      absl::StrFormat("--%s: '%s' is no valid %s", flag.name, base::Printable(value), flag.value));
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string_view>& arguments) {
  CommandLine line;
  line.options.record_requests = 16;
  line.options.record_body_bytes = 4096;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const size_t equals = argument.find('=');
    const Flag* flag = argument.starts_with("--") ? Find(argument.substr(2, equals - 2)) : nullptr;
    if (flag == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrFormat("unknown argument '%s' (see --help)", base::Printable(argument)));
    }
    std::string_view value;
    if (flag->value.empty()) {
      if (equals != std::string_view::npos) {
        return absl::InvalidArgumentError(absl::StrFormat("--%s takes no value", flag->name));
      }
    } else if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return absl::InvalidArgumentError(
          absl::StrFormat("--%s needs a value: %s", flag->name, flag->value));
    }
    if (!flag->set(value, &line)) return WrongValue(*flag, value);
  }
  return line;
}

std::string HelpText() {
  std::string help =
      "fake-engine: an OpenAI-compatible stand-in for a vLLM engine, for tests and benchmarks.\n\n"
      "Prints `fake-engine listening on ADDRESS:PORT model=NAME` per port when it is "
      "ready.\n\nFlags:\n";
  for (const Flag& flag : kFlags) {
    const std::string spelling =
        absl::StrFormat("--%s%s%s", flag.name, flag.value.empty() ? "" : " ", flag.value);
    help += absl::StrFormat("  %-28s %s\n", spelling, flag.help);
  }
  help += "\nFaults:\n" + FaultHelp();
  help +=
      "\nHeaders that change one answer: X-Fake-Fault: KIND[:N], X-Fake-Ttft-Ms, X-Fake-Itl-Ms,\n"
      "X-Fake-Tokens. Own endpoints: GET /fake/stats, GET /fake/requests, POST /fake/reset,\n"
      "POST /fake/control (JSON: fault, fault_times, listen, listen_after_ms, close_connections,\n"
      "health_status, ttft_ms, itl_ms, tokens).\n";
  return help;
}

}  // namespace vllm_router::fake_engine
