#include "tools/fake_engine/fault.h"

#include <iterator>
#include <limits>
#include <optional>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::fake_engine {
namespace {

enum class Argument : uint8_t { kNone, kOptional, kRequired };

struct Kind {
  FaultKind kind;
  std::string_view name;
  Argument argument;
  uint64_t minimum;
  uint64_t maximum;
  std::string_view help;
};

constexpr uint64_t kAny = std::numeric_limits<uint32_t>::max();
constexpr Kind kKinds[] = {
    {FaultKind::kNone, "none", Argument::kNone, 0, 0,
     "no fault (for the header: not even the engine's)"},
    {FaultKind::kRefuse, "refuse", Argument::kNone, 0, 0, "refuse connections (not per request)"},
    {FaultKind::kHangBeforeHead, "hang-before-head", Argument::kNone, 0, 0, "never answer"},
    {FaultKind::kHangMidStream, "hang-mid-stream", Argument::kOptional, 0, kAny,
     "stop after N tokens, keep the connection"},
    {FaultKind::kResetBeforeHead, "reset-before-head", Argument::kNone, 0, 0,
     "TCP reset in place of an answer"},
    {FaultKind::kResetMidStream, "reset-mid-stream", Argument::kOptional, 0, kAny,
     "TCP reset after N tokens"},
    {FaultKind::kCloseBeforeHead, "close-before-head", Argument::kNone, 0, 0,
     "close in place of an answer"},
    {FaultKind::kCloseMidStream, "close-mid-stream", Argument::kOptional, 0, kAny,
     "close after N tokens"},
    {FaultKind::kTruncatedChunk, "truncated-chunk", Argument::kOptional, 0, kAny,
     "close inside the chunk after N tokens"},
    {FaultKind::kBadChunk, "bad-chunk", Argument::kOptional, 0, kAny,
     "a malformed chunk size after N tokens"},
    {FaultKind::kMalformedHead, "malformed-head", Argument::kNone, 0, 0,
     "a status line that is none"},
    {FaultKind::kShortBody, "short-body", Argument::kNone, 0, 0, "close before the announced end"},
    {FaultKind::kSlowBody, "slow-body", Argument::kRequired, 1, 3600000,
     "pieces N milliseconds apart"},
    {FaultKind::kStatus, "status", Argument::kRequired, 400, 599,
     "answer this status (429, 503: with Retry-After)"},
    {FaultKind::kHugeEvent, "huge-event", Argument::kRequired, 1, 1u << 30,
     "one event with N bytes of text more"},
    {FaultKind::kGarbageAfterBody, "garbage-after-body", Argument::kNone, 0, 0,
     "bytes of no answer after the answer"},
    {FaultKind::kHttp10, "http10", Argument::kNone, 0, 0, "an HTTP/1.0 answer, ended by closing"},
};

const Kind& KindOf(FaultKind kind) { return kKinds[static_cast<size_t>(kind)]; }

constexpr bool InEnumOrder() {
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    if (static_cast<size_t>(kKinds[i].kind) != i) return false;
  }
  return true;
}
static_assert(InEnumOrder());

}  // namespace

absl::StatusOr<Fault> ParseFault(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  for (const Kind& kind : kKinds) {
    if (kind.name != name) continue;
    if (colon == std::string_view::npos) {
      if (kind.argument != Argument::kRequired) return Fault{kind.kind, 0};
      return absl::InvalidArgumentError(
          absl::StrFormat("fault '%s' needs an argument: %s:N", name, name));
    }
    if (kind.argument == Argument::kNone) {
      return absl::InvalidArgumentError(absl::StrFormat("fault '%s' takes no argument", name));
    }
    const std::optional<uint64_t> value = base::ParseUint(text.substr(colon + 1));
    if (!value || *value < kind.minimum || *value > kind.maximum) {
      return absl::InvalidArgumentError(
          absl::StrFormat("the argument of fault '%s' must be a number from %d to %d", name,
                          kind.minimum, kind.maximum));
    }
    return Fault{kind.kind, *value};
  }
  return absl::InvalidArgumentError(absl::StrFormat("unknown fault '%s'", base::Printable(text)));
}

std::string FaultText(const Fault& fault) {
  const Kind& kind = KindOf(fault.kind);
  if (kind.argument == Argument::kNone) return std::string(kind.name);
  return absl::StrFormat("%s:%d", kind.name, fault.argument);
}

std::string FaultHelp() {
  std::string help;
  for (const Kind& kind : kKinds) {
    const std::string spelling =
        std::string(kind.name) + (kind.argument == Argument::kNone ? "" : ":N");
    help += absl::StrFormat("  %-20s %s\n", spelling, kind.help);
  }
  return help;
}

}  // namespace vllm_router::fake_engine
