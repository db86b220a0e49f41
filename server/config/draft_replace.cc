// Draft: making a configuration equal to a given one, and marking what has changed.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/draft.h"
#include "server/config/draft_backend.h"
#include "server/config/fields.h"
#include "server/config/names.h"

namespace vllm_router::config {
namespace {

template <typename List>
std::set<std::string> NamesOf(const List& list) {
  std::set<std::string> names;
  for (const auto& resource : list) names.insert(resource.name());
  return names;
}

template <typename List>
void CheckTwice(const List& list, std::string_view field, const Checker& check) {
  std::set<std::string_view> seen;
  for (int i = 0; i < list.size(); ++i) {
    if (list.Get(i).name().empty() || seen.insert(list.Get(i).name()).second) continue;
    check.Fail(absl::StrFormat("%s[%d].name", field, i),
               absl::StrFormat("'%s' stands there twice", base::Printable(list.Get(i).name())));
  }
}

template <typename Resource>
std::vector<std::string> Missing(const Table<Resource>& table,
                                 const std::set<std::string>& wanted) {
  std::vector<std::string> missing;
  table.ForEach([&](const Resource& resource) {
    if (wanted.count(resource.name()) == 0) missing.push_back(resource.name());
  });
  return missing;
}

// The order of `wanted`; what is not in it stays behind, in the order that it had.
template <typename Resource>
void Reorder(const std::vector<std::string>& wanted,
             google::protobuf::RepeatedPtrField<Resource>* list) {
  std::map<std::string_view, size_t> place;
  for (size_t i = 0; i < wanted.size(); ++i) place.emplace(wanted[i], i);
  std::stable_sort(list->pointer_begin(), list->pointer_end(),
                   [&](const Resource* a, const Resource* b) {
                     const auto at = [&](const Resource* r) {
                       const auto found = place.find(r->name());
                       return found == place.end() ? wanted.size() : found->second;
                     };
                     return at(a) < at(b);
                   });
}

template <typename Message>
void MarkOne(const Stamp& stamp, const Message* before, Message& resource) {
  if (before != nullptr && SameContent(*before, resource)) {
    resource = *before;
    return;
  }
  resource.set_etag(stamp.etag);
  resource.set_generation(stamp.generation);
  *resource.mutable_update_time() = stamp.now;
  if constexpr (requires { resource.mutable_create_time(); }) {
    *resource.mutable_create_time() = before == nullptr ? stamp.now : before->create_time();
  }
}

template <typename List>
void MarkAll(const Stamp& stamp, const Touched& touched, const List& before, List& list) {
  absl::flat_hash_map<std::string_view, const typename List::value_type*> old;
  for (const auto& resource : before) old.emplace(resource.name(), &resource);
  for (auto& resource : list) {
    if (!touched.contains(resource.name())) continue;
    const auto found = old.find(resource.name());
    MarkOne(stamp, found == old.end() ? nullptr : found->second, resource);
  }
}

}  // namespace

void Draft::Replace(const v1::Config& wanted, const std::string& path) {
  const Checker check(path, &violations_);
  const google::protobuf::FieldMask whole;
  ReplaceBackends(wanted, path);

  CheckTwice(wanted.routing_policies(), "routing_policies", check);
  for (const std::string& name : Missing(policies_, NamesOf(wanted.routing_policies()))) {
    if (name == kRouting) {
      UpsertPolicy(Empty().routing_policies(0), whole, check, Expect::kAny);
    } else {
      policies_.Remove(name);
    }
  }
  for (int i = 0; i < wanted.routing_policies_size(); ++i) {
    UpsertPolicy(wanted.routing_policies(i), whole,
                 check.In(absl::StrFormat("routing_policies[%d]", i)), Expect::kAny);
  }

  CheckTwice(wanted.callbacks(), "callbacks", check);
  for (const std::string& name : Missing(callbacks_, NamesOf(wanted.callbacks()))) {
    callbacks_.Remove(name);
  }
  for (int i = 0; i < wanted.callbacks_size(); ++i) {
    UpsertCallback(wanted.callbacks(i), whole, check.In(absl::StrFormat("callbacks[%d]", i)),
                   Expect::kAny);
  }

  CheckTwice(wanted.model_aliases(), "model_aliases", check);
  for (const std::string& name : Missing(aliases_, NamesOf(wanted.model_aliases()))) {
    aliases_.Remove(name);
  }
  for (int i = 0; i < wanted.model_aliases_size(); ++i) {
    UpsertAlias(wanted.model_aliases(i), whole, check.In(absl::StrFormat("model_aliases[%d]", i)),
                Expect::kAny);
  }
  UpdateLimits(wanted.limits(), whole, check.In("limits"));
}

void Draft::ReplaceBackends(const v1::Config& wanted, const std::string& path) {
  const Checker check(path, &violations_);
  std::vector<std::string> order;
  std::set<std::string> names;
  for (const v1::Backend& backend : wanted.backends()) {
    order.push_back(backend.name().empty() ? BackendNameFor(backend.url()) : backend.name());
    if (!names.insert(order.back()).second) {
      check.Fail(absl::StrFormat("backends[%d].name", order.size() - 1),
                 absl::StrFormat("'%s' stands there twice", base::Printable(order.back())));
    }
  }
  for (const std::string& name : Missing(backends_, names)) {
    v1::Backend& backend = *backends_.Find(name);
    // What discovery declares is not for a caller to take away.
    if (SourceOwned(backend, std::nullopt)) continue;
    BeginDrain({}, stamp_.now, /*then_delete=*/true, backend);
  }
  for (int i = 0; i < wanted.backends_size(); ++i) {
    UpsertBackend(wanted.backends(i), {}, check.In(absl::StrFormat("backends[%d]", i)),
                  Expect::kAny);
  }
  backends_.Purge();
  Reorder(order, draft_.mutable_backends());
  backends_ = Table<v1::Backend>(draft_.mutable_backends(), &touched_);
}

void Draft::Restore(const std::set<std::string>& names, const v1::Config& former) {
  // In place where it stands, so that the order stays.
  const auto put_back = [&names](auto& table, const auto& list) {
    std::set<std::string> gone = names;
    for (const auto& resource : list) {
      if (gone.erase(resource.name()) == 0) continue;
      if (auto* existing = table.Find(resource.name()); existing != nullptr) {
        *existing = resource;
      } else {
        table.Add(resource);
      }
    }
    return gone;
  };
  for (const std::string& name : put_back(backends_, former.backends())) {
    v1::Backend* backend = backends_.Find(name);
    if (backend != nullptr) BeginDrain({}, stamp_.now, /*then_delete=*/true, *backend);
  }
  for (const std::string& name : put_back(policies_, former.routing_policies())) {
    policies_.Remove(name);
  }
  for (const std::string& name : put_back(callbacks_, former.callbacks())) callbacks_.Remove(name);
  for (const std::string& name : put_back(aliases_, former.model_aliases())) aliases_.Remove(name);
  if (names.count(std::string(kLimits)) > 0) *draft_.mutable_limits() = former.limits();
}

void Draft::RestoreAll(const v1::Config& former) {
  std::set<std::string> names;
  const auto add = [&names](const auto& list) {
    for (const auto& resource : list) names.insert(resource.name());
  };
  for (const v1::Config* config : {&base_, &former}) {
    add(config->routing_policies());
    add(config->callbacks());
    add(config->model_aliases());
    for (const v1::Backend& backend : config->backends()) {
      if (!SourceOwned(backend, std::nullopt)) names.insert(backend.name());
    }
  }
  names.insert(std::string(kLimits));
  Restore(names, former);
  RestoreOrder(former);
}

void Draft::RestoreOrder(const v1::Config& former) {
  backends_.Purge();
  callbacks_.Purge();
  std::vector<std::string> backends;
  for (const v1::Backend& backend : former.backends()) backends.push_back(backend.name());
  std::vector<std::string> callbacks;
  for (const v1::Callback& callback : former.callbacks()) callbacks.push_back(callback.name());
  Reorder(backends, draft_.mutable_backends());
  Reorder(callbacks, draft_.mutable_callbacks());
  backends_ = Table<v1::Backend>(draft_.mutable_backends(), &touched_);
  callbacks_ = Table<v1::Callback>(draft_.mutable_callbacks(), &touched_);
}

void Draft::Mark() {
  MarkAll(stamp_, touched_, base_.backends(), *draft_.mutable_backends());
  MarkAll(stamp_, touched_, base_.routing_policies(), *draft_.mutable_routing_policies());
  MarkAll(stamp_, touched_, base_.callbacks(), *draft_.mutable_callbacks());
  MarkAll(stamp_, touched_, base_.model_aliases(), *draft_.mutable_model_aliases());
  MarkOne(stamp_, &base_.limits(), *draft_.mutable_limits());
  draft_.set_generation(stamp_.generation);
}

}  // namespace vllm_router::config
