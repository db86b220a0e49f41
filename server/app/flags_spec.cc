#include "server/app/flags_spec.h"

#include <gflags/gflags.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/str_format.h"
#include "server/app/flags_groups.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

enum class ValueType : uint8_t { kSwitch, kWhole, kDecimal, kText };

ValueType TypeOf(const FlagSpec& spec) {
  gflags::CommandLineFlagInfo info;
  gflags::GetCommandLineFlagInfo(std::string(spec.name).c_str(), &info);
  if (info.type == "bool") return ValueType::kSwitch;
  if (info.type == "double") return ValueType::kDecimal;
  return info.type == "string" ? ValueType::kText : ValueType::kWhole;
}

// Digits with at most one point between or after them and an optional minus: no exponent, no
// infinity.
std::optional<double> ParseNumber(std::string_view text, ValueType type) {
  std::string_view digits = text;
  if (!digits.empty() && digits.front() == '-') digits.remove_prefix(1);
  const bool whole = type == ValueType::kWhole;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (std::none_of(digits.begin(), digits.end(), is_digit)) return std::nullopt;
  const auto is_allowed = [&](char c) { return is_digit(c) || (c == '.' && !whole); };
  if (!std::all_of(digits.begin(), digits.end(), is_allowed)) return std::nullopt;
  if (std::count(digits.begin(), digits.end(), '.') > 1) return std::nullopt;
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  return value;
}

bool Contains(std::string_view words, std::string_view word) {
  const auto list = base::SplitList(words, '|');
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string_view NumberWord(const FlagSpec& spec) {
  if (spec.metavar == "SECONDS") return "seconds";
  return TypeOf(spec) == ValueType::kWhole ? "a whole number" : "a number";
}

absl::Status Refuse(std::string_view typed, std::string_view value, std::string_view verdict,
                    std::string_view allowed) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s '%s' is %s: %s", typed, base::Printable(value), verdict, allowed));
}

absl::Status CheckNumber(const FlagSpec& spec, ValueType type, std::string_view typed,
                         std::string_view value) {
  const std::optional<double> number = ParseNumber(value, type);
  std::string_view words;
  if (number) {
    if (*number >= spec.min && *number <= spec.max) return absl::OkStatus();
    if (*number == 0 && spec.zero_allowed) return absl::OkStatus();
    words = *number < spec.min ? spec.too_small : spec.too_large;
  }
  if (!words.empty()) return Refuse(typed, value, "not allowed", words);
  return Refuse(typed, value, "not allowed", AllowedValues(spec));
}

}  // namespace

absl::Span<const FlagGroup* const> AllFlagGroups() {
  static const FlagGroup* const kGroups[] = {
      &BasicFlags(),    &DiscoveryFlags(), &RoutingFlags(),       &LimitFlags(),   &TimeoutFlags(),
      &FailoverFlags(), &HealthFlags(),    &MonitoringFlags(),    &LoggingFlags(), &CallbackFlags(),
      &TlsFlags(),      &AdminFlags(),     &CompatibilityFlags(),
  };
  return kGroups;
}

std::string FlagTitle(const FlagSpec& spec) {
  std::string title = "--" + std::string(spec.name);
  std::replace(title.begin(), title.end(), '_', '-');
  return title;
}

bool IsSwitch(const FlagSpec& spec) { return spec.metavar.empty() && spec.choices.empty(); }

bool TakesList(const FlagSpec& spec) {
  static constexpr std::string_view kEnd = ",...";
  return spec.metavar.size() > kEnd.size() &&
         spec.metavar.substr(spec.metavar.size() - kEnd.size()) == kEnd;
}

absl::Status CheckFlagValue(const FlagSpec& spec, std::string_view typed, std::string_view value) {
  if (!spec.choices.empty()) {
    if (Contains(spec.choices, value)) return absl::OkStatus();
    const bool later = Contains(spec.later, value);
    return Refuse(typed, value, later ? "not available in this version" : "not allowed",
                  AllowedValues(spec));
  }
  switch (const ValueType type = TypeOf(spec)) {
    case ValueType::kSwitch:
      if (value == "true" || value == "false") return absl::OkStatus();
      return Refuse(typed, value, "not allowed", AllowedValues(spec));
    case ValueType::kWhole:
    case ValueType::kDecimal:
      return CheckNumber(spec, type, typed, value);
    case ValueType::kText:
      break;
  }
  return absl::OkStatus();
}

std::string AllowedValues(const FlagSpec& spec) {
  if (!spec.choices.empty()) return "choose " + JoinWords(spec.choices, " or ");
  switch (TypeOf(spec)) {
    case ValueType::kSwitch:
      return "choose true or false";
    case ValueType::kWhole:
    case ValueType::kDecimal:
      return absl::StrFormat("give %s from %s", NumberWord(spec), AllowedRange(spec));
    case ValueType::kText:
      break;
  }
  return absl::StrFormat("give %s", spec.metavar);
}

std::string AllowedRange(const FlagSpec& spec) {
  if (spec.max == 0) return "";
  return absl::StrFormat("%.15g to %.15g%s", spec.min, spec.max, spec.zero_allowed ? ", or 0" : "");
}

std::string JoinWords(std::string_view words, std::string_view last_separator) {
  const auto list = base::SplitList(words, '|');
  std::string out;
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += i + 1 == list.size() ? last_separator : ", ";
    out += list[i];
  }
  return out;
}

}  // namespace vllm_router::app
