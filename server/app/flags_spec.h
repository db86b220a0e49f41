// What gflags does not know about a flag: its metavariable, what it may be set to, and whether
// anything stands behind it. Each file flags_<group>.cc defines one group: the flags, their specs,
// and how they land in Config. Constants; any thread.
#ifndef SERVER_APP_FLAGS_SPEC_H_
#define SERVER_APP_FLAGS_SPEC_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/app/config.h"

namespace vllm_router::app {

enum class FlagEffect : uint8_t {
  kWorks,
  kNoEffect,    // accepted with a warning: leaving it out changes no routing
  kStopsStart,  // refused: ignoring it would change what the router does
  kShowsHelp,
  kShowsVersion,
};

struct FlagSpec {
  std::string_view name;     // with underscores, as gflags knows it
  std::string_view metavar;  // empty for switches and choices
  std::string_view choices;  // "a|b": the words allowed
  std::string_view later;    // "c|d": words of the original that this version does not know yet
  double min = 0;            // of numbers, inclusive
  double max = 0;
  bool zero_allowed = false;   // 0 beside [min, max]
  std::string_view too_small;  // the original's words for a number below `min` ...
  std::string_view too_large;  // ... and above `max`
  FlagEffect effect = FlagEffect::kWorks;
  std::string_view why;  // kStopsStart: why it cannot be ignored; kShowsX: the help text
  bool of_original = false;
  bool needs_restart = false;  // the admin API and the configuration file cannot change it later
  // Values that can be neither taken nor left without a restart, and why; nullptr: none.
  bool (*restart_for)(std::string_view value) = nullptr;
  std::string_view restart_because;

  // Modifiers, for the tables.
  constexpr FlagSpec OfOriginal() const {
    FlagSpec copy = *this;
    copy.of_original = true;
    return copy;
  }
  constexpr FlagSpec NeedsRestart() const {
    FlagSpec copy = *this;
    copy.needs_restart = true;
    return copy;
  }
  constexpr FlagSpec NeedsRestartFor(bool (*value_does)(std::string_view),
                                     std::string_view because) const {
    FlagSpec copy = *this;
    copy.restart_for = value_does;
    copy.restart_because = because;
    return copy;
  }
  constexpr FlagSpec WithoutEffect() const {
    FlagSpec copy = *this;
    copy.effect = FlagEffect::kNoEffect;
    return copy;
  }
  constexpr FlagSpec StopsStart(std::string_view reason) const {
    FlagSpec copy = *this;
    copy.effect = FlagEffect::kStopsStart;
    copy.why = reason;
    return copy;
  }
  constexpr FlagSpec TooSmall(std::string_view words) const {
    FlagSpec copy = *this;
    copy.too_small = words;
    return copy;
  }
  constexpr FlagSpec OutOfRange(std::string_view words) const {
    FlagSpec copy = TooSmall(words);
    copy.too_large = words;
    return copy;
  }
};

// A year: longer than any timeout that is meant, far from the end of a 64-bit nanosecond count.
inline constexpr double kMaxSeconds = 31536000;

constexpr FlagSpec Switch(std::string_view name) {
  FlagSpec spec;
  spec.name = name;
  return spec;
}
constexpr FlagSpec Text(std::string_view name, std::string_view metavar) {
  FlagSpec spec;
  spec.name = name;
  spec.metavar = metavar;
  return spec;
}
constexpr FlagSpec Choice(std::string_view name, std::string_view choices,
                          std::string_view later = {}) {
  FlagSpec spec;
  spec.name = name;
  spec.choices = choices;
  spec.later = later;
  return spec;
}
constexpr FlagSpec Number(std::string_view name, std::string_view metavar, double min, double max) {
  FlagSpec spec = Text(name, metavar);
  spec.min = min;
  spec.max = max;
  return spec;
}
// Decimal seconds, 0 included; what 0 means is said by the flag's help.
constexpr FlagSpec Seconds(std::string_view name) {
  FlagSpec spec = Number(name, "SECONDS", 0.001, kMaxSeconds);
  spec.zero_allowed = true;
  return spec;
}
// Decimal seconds above 0.
constexpr FlagSpec Interval(std::string_view name) {
  return Number(name, "SECONDS", 0.001, kMaxSeconds);
}

struct FlagGroup {
  std::string_view title;
  absl::Span<const FlagSpec> flags;
  // Copies the values of the group into `config` and checks how they fit together.
  absl::Status (*fill)(Config* config, std::vector<std::string>* warnings);
};

// In the order of --help.
absl::Span<const FlagGroup* const> AllFlagGroups();

// "--static-backends"
std::string FlagTitle(const FlagSpec& spec);

// It is on or off, and may stand without a value.
bool IsSwitch(const FlagSpec& spec);

// Its value is a list with commas.
bool TakesList(const FlagSpec& spec);

// Checks one value before gflags sees it, for gflags is lenient (hexadecimal, infinity, white
// space). `typed` is the flag as the operator wrote it; InvalidArgumentError names it, the value
// and what is allowed.
absl::Status CheckFlagValue(const FlagSpec& spec, std::string_view typed, std::string_view value);

// What may be given, as the end of a sentence: "choose a or b", "give a whole number from 0 to
// 65535".
std::string AllowedValues(const FlagSpec& spec);

// "0.001 to 31536000, or 0" for a number, "" for other flags.
std::string AllowedRange(const FlagSpec& spec);

// "a|b|c" -> "a, b or c"
std::string JoinWords(std::string_view words, std::string_view last_separator);

}  // namespace vllm_router::app

#endif  // SERVER_APP_FLAGS_SPEC_H_
