// Draft: making a configuration equal to a given one, and marking what has changed.
#include <set>
#include <utility>

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

// Whether `resource` is what it was before; marks it if not.
template <typename Message>
bool MarkOne(const Stamp& stamp, const Message* before, Message* resource) {
  if (before != nullptr && SameContent(*before, *resource)) return true;
  resource->set_etag(stamp.etag);
  resource->set_generation(stamp.generation);
  *resource->mutable_update_time() = stamp.now;
  if constexpr (requires { resource->mutable_create_time(); }) {
    *resource->mutable_create_time() = before == nullptr ? stamp.now : before->create_time();
  }
  return false;
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
  backends_.Reorder(order);
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
  if (names.count(std::string(kLimits)) > 0) limits_ = former.limits();
}

void Draft::RestoreAll(const v1::Config& former) {
  std::set<std::string> names;
  const auto add = [&names](const auto& list) {
    for (const auto& resource : list) names.insert(resource.name());
  };
  for (const v1::Config* config : {&base_->config(), &former}) {
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
  std::vector<std::string> backends;
  for (const v1::Backend& backend : former.backends()) backends.push_back(backend.name());
  std::vector<std::string> callbacks;
  for (const v1::Callback& callback : former.callbacks()) callbacks.push_back(callback.name());
  backends_.Reorder(backends);
  callbacks_.Reorder(callbacks);
}

DocumentPtr Draft::Close() {
  const auto settle = [this](const auto* before, auto* after) {
    return MarkOne(stamp_, before, after);
  };
  const v1::Limits& former_limits = base_->parts().limits;
  if (MarkOne(stamp_, &former_limits, &limits_)) limits_ = former_limits;
  return std::make_shared<const Document>(
      DocumentParts{.generation = stamp_.generation,
                    .backends = backends_.Finish(settle),
                    .routing_policies = policies_.Finish(settle),
                    .callbacks = callbacks_.Finish(settle),
                    .model_aliases = aliases_.Finish(settle),
                    .limits = std::move(limits_)});
}

}  // namespace vllm_router::config
