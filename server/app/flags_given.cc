#include "server/app/flags_given.h"

#include <gflags/gflags.h>

#include <algorithm>

#include "absl/strings/str_format.h"
#include "server/app/flags_names.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

std::string ValueOf(const FlagSpec& spec) {
  std::string value;
  gflags::GetCommandLineOption(std::string(spec.name).c_str(), &value);
  return value;
}

absl::Status SetValue(const FlagSpec& spec, std::string_view typed, std::string_view value) {
  ROUTER_RETURN_IF_ERROR(CheckFlagValue(spec, typed, value));
  const std::string name(spec.name);
  if (gflags::SetCommandLineOption(name.c_str(), std::string(value).c_str()).empty()) {
    return absl::InvalidArgumentError(absl::StrFormat("%s '%s' is not allowed: %s", typed,
                                                      base::Printable(value), AllowedValues(spec)));
  }
  return absl::OkStatus();
}

// An empty or false value asks for nothing.
bool AsksForSomething(const FlagSpec& spec) {
  const std::string value = ValueOf(spec);
  return !value.empty() && !(IsSwitch(spec) && value == "false");
}

bool IsFlagCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

// "--static-backends" -> the flag; nullptr for anything else.
const FlagSpec* FindTitle(std::string_view title) {
  std::string name(title.substr(2));
  std::replace(name.begin(), name.end(), '-', '_');
  return FindKey(name);
}

}  // namespace

const GivenFlags::Given* GivenFlags::Find(const FlagSpec& spec) const {
  const auto same = [&](const Given& flag) { return flag.spec == &spec; };
  const auto found = std::find_if(given_.begin(), given_.end(), same);
  return found == given_.end() ? nullptr : &*found;
}

absl::Status GivenFlags::Set(const FlagSpec& spec, std::string_view typed, std::string_view value) {
  ROUTER_RETURN_IF_ERROR(SetValue(spec, typed, value));
  const auto same = [&](const Given& flag) { return flag.spec == &spec; };
  auto flag = std::find_if(given_.begin(), given_.end(), same);
  if (flag == given_.end()) flag = given_.insert(flag, Given{.spec = &spec, .where = {}});
  ++flag->times;
  return absl::OkStatus();
}

absl::Status GivenFlags::SetFromFile(const FileSetting& setting) {
  const FlagSpec& spec = *setting.spec;
  if (Find(spec) != nullptr) {
    if (ValueOf(spec) != setting.value) {
      overruled_.push_back(absl::StrFormat("%s: %s is overruled by %s on the command line",
                                           setting.where, spec.name, FlagTitle(spec)));
    }
    return absl::OkStatus();
  }
  ROUTER_RETURN_IF_ERROR(
      SetValue(spec, absl::StrFormat("%s: %s", setting.where, spec.name), setting.value));
  given_.push_back({.spec = &spec, .times = 1, .where = setting.where});
  return absl::OkStatus();
}

absl::Status GivenFlags::CheckEffects(std::vector<std::string>* warnings) const {
  warnings->insert(warnings->end(), overruled_.begin(), overruled_.end());
  std::string without_effect;
  for (const auto& [spec, times, where] : given_) {
    const std::string title = FlagTitle(*spec);
    if (times > 1) {
      warnings->push_back(
          absl::StrFormat("%s is given %d times: the last value wins", title, times));
    }
    if (!AsksForSomething(*spec)) continue;
    if (spec->effect == FlagEffect::kStopsStart) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s '%s' is not available in this version: %s", title,
                          base::Printable(ValueOf(*spec)), spec->why));
    }
    if (spec->effect != FlagEffect::kNoEffect) continue;
    if (!without_effect.empty()) without_effect += ", ";
    without_effect += title;
  }
  if (!without_effect.empty()) {
    warnings->push_back("accepted without effect in this version: " + without_effect);
  }
  return absl::OkStatus();
}

std::string GivenFlags::NameOrigins(std::string_view message) const {
  std::string named;
  while (!message.empty()) {
    const size_t begin = std::min(message.find("--"), message.size());
    named += message.substr(0, begin);
    message.remove_prefix(begin);
    const auto end = std::find_if_not(message.begin(), message.end(), IsFlagCharacter);
    const std::string_view title = message.substr(0, static_cast<size_t>(end - message.begin()));
    const FlagSpec* spec = title.empty() ? nullptr : FindTitle(title);
    const Given* flag = spec == nullptr ? nullptr : Find(*spec);
    if (flag == nullptr || flag->where.empty()) {
      named += title;
    } else {
      named += absl::StrFormat("%s (%s)", spec->name, flag->where);
    }
    message.remove_prefix(title.size());
  }
  return named;
}

std::vector<FlagValue> GivenFlags::Values() const {
  std::vector<FlagValue> values;
  for (const FlagGroup* group : AllFlagGroups()) {
    for (const FlagSpec& spec : group->flags) {
      FlagValue value{&spec, ValueOf(spec), FlagSource::kDefault, {}};
      if (const Given* given = Find(spec); given != nullptr) {
        value.source = given->where.empty() ? FlagSource::kCommandLine : FlagSource::kFile;
        value.where = given->where;
      }
      values.push_back(std::move(value));
    }
  }
  return values;
}

}  // namespace vllm_router::app
