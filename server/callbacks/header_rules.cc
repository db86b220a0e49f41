#include "server/callbacks/header_rules.h"

#include <algorithm>
#include <array>

#include "server/base/strings.h"

namespace vllm_router::callbacks {
namespace {

constexpr std::array<std::string_view, 14> kProtected = {
    "connection",        "content-length",    "expect",           "host",
    "http2-settings",    "keep-alive",        "proxy-connection", "te",
    "trailer",           "transfer-encoding", "upgrade",          "x-forwarded-for",
    "x-forwarded-proto", "x-request-id"};
constexpr std::array<std::string_view, 2> kProtectedInAnswers = {"date", "server"};
constexpr std::array<std::string_view, 4> kCredentials = {"authorization", "cookie",
                                                          "proxy-authorization", "x-api-key"};

template <size_t N>
bool IsOneOf(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string WithDashes(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

HeaderRules::HeaderRules(const v1::CallbackHeaderRules& rules)
    : forward_allow_(Parse(rules.forward_allow())),
      forward_deny_(Parse(rules.forward_deny())),
      mutate_allow_(Parse(rules.mutate_allow())),
      mutate_deny_(Parse(rules.mutate_deny())),
      mutate_all_(rules.mutate_allow().empty()),
      credentials_(rules.allow_credentials()) {
  if (forward_allow_.empty()) {
    forward_allow_ = {{"content-type"}, {"user-agent"}, {"accept"}, {"x-", /*prefix=*/true}};
  }
}

HeaderRules::Patterns HeaderRules::Parse(
    const google::protobuf::RepeatedPtrField<std::string>& patterns) {
  Patterns parsed;
  for (const std::string& pattern : patterns) {
    const bool prefix = !pattern.empty() && pattern.back() == '*';
    parsed.push_back({base::AsciiLower(pattern.substr(0, pattern.size() - prefix)), prefix});
  }
  return parsed;
}

bool HeaderRules::Matches(const Patterns& patterns, std::string_view lower_name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const Pattern& pattern) {
    return pattern.prefix ? lower_name.substr(0, pattern.text.size()) == pattern.text
                          : lower_name == pattern.text;
  });
}

bool HeaderRules::MayTravel(std::string_view name) const {
  const std::string lower = base::AsciiLower(name);
  const std::string dashed = WithDashes(lower);
  if (IsOneOf(kCredentials, dashed) && !credentials_) return false;
  return Matches(forward_allow_, lower) && !Matches(forward_deny_, lower) &&
         !Matches(forward_deny_, dashed);
}

std::string_view HeaderRules::WhyNotChangeable(std::string_view name, HeaderPlace place) const {
  const std::string lower = base::AsciiLower(name);
  const std::string dashed = WithDashes(lower);
  if (IsOneOf(kProtected, dashed) ||
      (place == HeaderPlace::kAnswer && IsOneOf(kProtectedInAnswers, dashed))) {
    return "is protected";
  }
  if (IsOneOf(kCredentials, dashed) && !credentials_) {
    return "is a credential, and the registration does not allow_credentials";
  }
  if (!mutate_all_ && !Matches(mutate_allow_, lower)) return "is not in mutate_allow";
  if (Matches(mutate_deny_, lower) || Matches(mutate_deny_, dashed)) return "is in mutate_deny";
  return "";
}

}  // namespace vllm_router::callbacks
