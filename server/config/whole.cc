#include "server/config/whole.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/names.h"

namespace vllm_router::config {
namespace {

void CheckUrls(const v1::Config& config, std::vector<base::Violation>* violations) {
  absl::flat_hash_map<std::string_view, std::string_view> owners;
  owners.reserve(static_cast<size_t>(config.backends_size()));
  for (const v1::Backend& backend : config.backends()) {
    const auto [owner, is_new] = owners.try_emplace(backend.url(), backend.name());
    if (is_new) continue;
    violations->push_back(
        {backend.name() + ".url", absl::StrFormat("'%s' is the URL of %s already",
                                                  base::Printable(backend.url()), owner->second)});
  }
}

void CheckChains(const v1::Config& config, std::vector<base::Violation>* violations) {
  std::set<std::string_view> aliases;
  for (const v1::ModelAlias& alias : config.model_aliases()) {
    aliases.insert(IdIn(kAliases, alias.name()).value_or(""));
  }
  for (const v1::ModelAlias& alias : config.model_aliases()) {
    for (int i = 0; i < alias.targets_size(); ++i) {
      if (aliases.count(alias.targets(i).model()) == 0) continue;
      violations->push_back({absl::StrFormat("%s.targets[%d].model", alias.name(), i),
                             absl::StrFormat("'%s' is an alias itself; aliases do not chain",
                                             base::Printable(alias.targets(i).model()))});
    }
  }
}

const v1::RoutingPolicy* FindPolicy(const v1::Config& config, std::string_view name) {
  for (const v1::RoutingPolicy& policy : config.routing_policies()) {
    if (policy.name() == name) return &policy;
  }
  return nullptr;
}

void CheckSessions(const v1::Config& config, std::vector<base::Violation>* violations) {
  for (const v1::RoutingPolicy& policy : config.routing_policies()) {
    const std::string_view model = IdIn(kRoutingOfModel, policy.name()).value_or("");
    const v1::RoutingPolicy effective = EffectivePolicy(config, model);
    if (effective.has_session() && effective.session_key().empty()) {
      violations->push_back({policy.name() + ".session_key", "is needed by the logic `session`"});
    }
  }
}

absl::flat_hash_set<std::string_view> ServedModels(const v1::Config& config) {
  absl::flat_hash_set<std::string_view> models;
  for (const v1::Backend& backend : config.backends()) {
    for (const v1::ServedModel& served : backend.models()) {
      models.insert(served.model());
      if (!served.alias().empty()) models.insert(served.alias());
    }
  }
  return models;
}

}  // namespace

void CheckWhole(const v1::Config& config, std::vector<base::Violation>* violations) {
  CheckUrls(config, violations);
  CheckChains(config, violations);
  CheckSessions(config, violations);
}

v1::RoutingPolicy EffectivePolicy(const v1::Config& config, std::string_view model) {
  const v1::RoutingPolicy* common = FindPolicy(config, kRouting);
  const v1::RoutingPolicy* own =
      model.empty() ? nullptr : FindPolicy(config, std::string(kRoutingOfModel).append(model));
  v1::RoutingPolicy effective = common == nullptr ? v1::RoutingPolicy() : *common;
  if (own != nullptr) {
    // A list that the model's policy sets replaces the common one; everything else merges by field.
    if (!own->failover().retryable_status_codes().empty()) {
      effective.mutable_failover()->clear_retryable_status_codes();
    }
    effective.MergeFrom(*own);
  }
  if (effective.logic_case() == v1::RoutingPolicy::LOGIC_NOT_SET) effective.mutable_round_robin();
  return effective;
}

std::vector<std::string> Warnings(const v1::Config& config) {
  std::vector<std::string> warnings;
  const absl::flat_hash_set<std::string_view> served = ServedModels(config);
  for (const v1::ModelAlias& alias : config.model_aliases()) {
    const std::string_view name = IdIn(kAliases, alias.name()).value_or("");
    if (served.count(name) > 0) {
      warnings.push_back(absl::StrFormat("%s hides the model of the same name", alias.name()));
    }
    for (const v1::WeightedModel& target : alias.targets()) {
      if (served.count(target.model()) > 0) continue;
      warnings.push_back(absl::StrFormat("%s points to model '%s', which no backend serves",
                                         alias.name(), base::Printable(target.model())));
    }
  }
  for (const v1::Backend& backend : config.backends()) {
    if (backend.has_weight() && backend.weight() != 1) {
      warnings.push_back(
          absl::StrFormat("%s has a weight, which no logic in use reads", backend.name()));
    }
    if (backend.tls().insecure_skip_verify()) {
      warnings.push_back(
          absl::StrFormat("%s is not asked for a valid certificate", backend.name()));
    }
  }
  return warnings;
}

bool SameOrder(const v1::Config& a, const v1::Config& b) {
  const auto same = [](const auto& left, const auto& right) {
    // What both begin with and end with, which usually is all but one resource, need not be looked
    // up: names are unique.
    int begin = 0;
    int left_end = left.size();
    int right_end = right.size();
    while (begin < std::min(left_end, right_end) &&
           left.Get(begin).name() == right.Get(begin).name()) {
      ++begin;
    }
    while (begin < std::min(left_end, right_end) &&
           left.Get(left_end - 1).name() == right.Get(right_end - 1).name()) {
      --left_end;
      --right_end;
    }
    if (begin == left_end || begin == right_end) return true;
    std::set<std::string_view> in_left;
    std::set<std::string_view> in_right;
    for (int i = begin; i < left_end; ++i) in_left.insert(left.Get(i).name());
    for (int i = begin; i < right_end; ++i) in_right.insert(right.Get(i).name());
    std::vector<std::string_view> order_left;
    std::vector<std::string_view> order_right;
    for (int i = begin; i < left_end; ++i) {
      if (in_right.count(left.Get(i).name()) > 0) order_left.push_back(left.Get(i).name());
    }
    for (int i = begin; i < right_end; ++i) {
      if (in_left.count(right.Get(i).name()) > 0) order_right.push_back(right.Get(i).name());
    }
    return order_left == order_right;
  };
  return same(a.backends(), b.backends()) && same(a.callbacks(), b.callbacks());
}

}  // namespace vllm_router::config
