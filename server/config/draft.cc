#include "server/config/draft.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/diff.h"
#include "server/config/draft_backend.h"
#include "server/config/fields.h"
#include "server/config/names.h"
#include "server/config/whole.h"

namespace vllm_router::config {
namespace {

constexpr int kMaxMutations = 10000;

}  // namespace

Draft::Draft(DocumentPtr base, CheckContext context, Stamp stamp)
    : base_(std::move(base)),
      context_(std::move(context)),
      stamp_(std::move(stamp)),
      backends_(base_->parts().backends),
      policies_(base_->parts().routing_policies),
      callbacks_(base_->parts().callbacks),
      aliases_(base_->parts().model_aliases),
      limits_(base_->parts().limits) {}

v1::Config Draft::Empty() {
  v1::Config config;
  v1::RoutingPolicy& policy = *config.add_routing_policies();
  policy.set_name(std::string(kRouting));
  policy.mutable_round_robin();
  config.mutable_limits()->set_name(std::string(kLimits));
  return config;
}

void Draft::Refuse(base::Failure failure) {
  if (!failure_) failure_ = std::move(failure);
}

bool Draft::Guard(const std::string& name, const std::string& etag, const std::string& current) {
  if (etag.empty() || etag == current) return true;
  Refuse(base::EtagMismatch(name, current));
  return false;
}

v1::Backend* Draft::FindFor(const std::string& name, const std::string& etag) {
  v1::Backend* backend = backends_.Find(name);
  if (backend == nullptr) {
    Refuse(base::BackendNotFound(name));
    return nullptr;
  }
  return Guard(name, etag, backend->etag()) ? backend : nullptr;
}

void Draft::ApplyAll(const google::protobuf::RepeatedPtrField<v1::ConfigMutation>& mutations) {
  const Checker check("", &violations_);
  check.Range("mutations", static_cast<uint64_t>(mutations.size()), 1, kMaxMutations);
  if (mutations.size() > kMaxMutations) return;
  for (int i = 0; i < mutations.size(); ++i) {
    const std::string path = absl::StrFormat("mutations[%d]", i);
    if (mutations.Get(i).has_replace_config() && mutations.size() > 1) {
      check.In(path).Fail("replace_config", "has to be the only mutation of a call");
      continue;
    }
    Apply(mutations.Get(i), path);
  }
}

void Draft::Apply(const v1::ConfigMutation& mutation, const std::string& path, Expect expect) {
  const Checker check(path, &violations_);
  const google::protobuf::FieldMask& mask = mutation.update_mask();
  switch (mutation.mutation_case()) {
    case v1::ConfigMutation::kUpsertBackend:
      return UpsertBackend(mutation.upsert_backend(), mask, check.In("upsert_backend"), expect);
    case v1::ConfigMutation::kDeleteBackend:
      return DeleteBackend(mutation.delete_backend(), check.In("delete_backend"));
    case v1::ConfigMutation::kUpsertRoutingPolicy:
      return UpsertPolicy(mutation.upsert_routing_policy(), mask, check.In("upsert_routing_policy"),
                          expect);
    case v1::ConfigMutation::kDeleteRoutingPolicy:
      return DeletePolicy(mutation.delete_routing_policy());
    case v1::ConfigMutation::kUpsertCallback:
      return UpsertCallback(mutation.upsert_callback(), mask, check.In("upsert_callback"), expect);
    case v1::ConfigMutation::kDeleteCallback:
      Delete(callbacks_, mutation.delete_callback(), base::CallbackNotFound);
      return;
    case v1::ConfigMutation::kUpsertModelAlias:
      return UpsertAlias(mutation.upsert_model_alias(), mask, check.In("upsert_model_alias"),
                         expect);
    case v1::ConfigMutation::kDeleteModelAlias:
      Delete(aliases_, mutation.delete_model_alias(), base::AliasNotFound);
      return;
    case v1::ConfigMutation::kUpdateLimits:
      return UpdateLimits(mutation.update_limits(), mask, check.In("update_limits"));
    case v1::ConfigMutation::kReplaceConfig:
      return Replace(mutation.replace_config(), check.PathOf("replace_config"));
    case v1::ConfigMutation::MUTATION_NOT_SET:
      return check.Fail("", "says nothing to do: set one of its fields");
  }
}

template <typename Resource>
Resource* Draft::Upsert(Table<Resource>& table, Resource wanted,
                        const google::protobuf::FieldMask& mask, WhenMissing missing,
                        const Checker& check, Expect expect) {
  ClearOutputs(wanted);
  Resource* existing = table.Find(wanted.name());
  if (existing == nullptr) {
    if (expect == Expect::kExisting) {
      Refuse(missing(wanted.name()));
      return nullptr;
    }
    wanted.clear_etag();
    return table.Add(std::move(wanted));
  }
  if (expect == Expect::kNew) {
    Refuse(base::ResourceExists(wanted.name()));
    return nullptr;
  }
  if (!Guard(wanted.name(), wanted.etag(), existing->etag())) return nullptr;
  MergeByMask(IsWhole(mask) ? WholeMask(*Resource::descriptor()) : mask, wanted, *existing, check);
  return existing;
}

template <typename Resource>
bool Draft::Delete(Table<Resource>& table, const v1::ResourceDeletion& deletion,
                   WhenMissing missing) {
  const Resource* existing = table.Find(deletion.name());
  if (existing == nullptr) {
    if (!deletion.allow_missing()) Refuse(missing(deletion.name()));
    return false;
  }
  if (!Guard(deletion.name(), deletion.etag(), existing->etag())) return false;
  table.Remove(deletion.name());
  return true;
}

void Draft::UpsertBackend(v1::Backend wanted, const google::protobuf::FieldMask& mask,
                          const Checker& check, Expect expect) {
  if (wanted.name().empty()) wanted.set_name(BackendNameFor(wanted.url()));
  const v1::Backend* existing = backends_.Find(wanted.name());
  const v1::Backend before = existing == nullptr ? v1::Backend() : *existing;
  if (existing != nullptr && expect != Expect::kNew) {
    if (!wanted.url().empty() && wanted.url() != existing->url()) {
      check.Fail("url", absl::StrFormat("cannot change from '%s' to '%s': create another backend "
                                        "and delete this one",
                                        before.url(), base::Printable(wanted.url())));
    }
    wanted.set_url(before.url());
  }
  v1::Backend* after =
      Upsert(backends_, std::move(wanted), mask, base::BackendNotFound, check, expect);
  if (after == nullptr) return;
  if (before.name().empty()) after->set_source(stamp_.source);
  if (!KeepSecret(before, *after)) {
    check.Fail("api_key.inline_key", "'***' stands for the key that is there, and there is none");
  }
  FollowAdminState(stamp_.now, *after);
  if (auto failure = SourceOwned(before, *after)) Refuse(*std::move(failure));
  CheckBackend(*after, context_, check);
}

void Draft::UpsertPolicy(const v1::RoutingPolicy& wanted, const google::protobuf::FieldMask& mask,
                         const Checker& check, Expect expect) {
  const auto* after = Upsert(policies_, wanted, mask, base::PolicyNotFound, check, expect);
  if (after != nullptr) CheckRoutingPolicy(*after, check);
}

void Draft::UpsertCallback(const v1::Callback& wanted, const google::protobuf::FieldMask& mask,
                           const Checker& check, Expect expect) {
  const auto* after = Upsert(callbacks_, wanted, mask, base::CallbackNotFound, check, expect);
  if (after != nullptr) CheckCallback(*after, check);
}

void Draft::UpsertAlias(const v1::ModelAlias& wanted, const google::protobuf::FieldMask& mask,
                        const Checker& check, Expect expect) {
  const auto* after = Upsert(aliases_, wanted, mask, base::AliasNotFound, check, expect);
  if (after != nullptr) CheckModelAlias(*after, check);
}

void Draft::UpdateLimits(const v1::Limits& wanted, const google::protobuf::FieldMask& mask,
                         const Checker& check) {
  if (!wanted.name().empty() && wanted.name() != kLimits) {
    check.Fail("name", absl::StrFormat("'%s' is not allowed: the limits are always called limits",
                                       base::Printable(wanted.name())));
  }
  if (!Guard(std::string(kLimits), wanted.etag(), limits_.etag())) return;
  MergeByMask(IsWhole(mask) ? WholeMask(*v1::Limits::descriptor()) : mask, wanted, limits_, check);
  CheckLimits(limits_, check);
}

void Draft::DeletePolicy(const v1::ResourceDeletion& deletion) {
  if (deletion.name() == kRouting) {
    Refuse(base::ResourceInUse(deletion.name(), {"models without a policy of their own"}));
    return;
  }
  Delete(policies_, deletion, base::PolicyNotFound);
}

void Draft::DeleteBackend(const v1::BackendDeletion& deletion, const Checker& check) {
  CheckDrain(deletion.drain(), check.In("drain"));
  if (deletion.allow_missing() && !backends_.Has(deletion.name())) return;
  v1::Backend* backend = FindFor(deletion.name(), deletion.etag());
  if (backend == nullptr) return;
  if (auto failure = SourceOwned(*backend, std::nullopt)) {
    Refuse(*std::move(failure));
    return;
  }
  const std::vector<std::string> users = UsersOf(*backend);
  if (!users.empty() && !deletion.force()) {
    Refuse(base::ResourceInUse(deletion.name(), users));
    return;
  }
  if (!violations_.empty()) return;
  BeginDrain(deletion.drain(), stamp_.now, /*then_delete=*/true, *backend);
}

void Draft::DrainBackend(const std::string& name, const std::string& etag,
                         const v1::DrainOptions& options) {
  CheckDrain(options, Checker("", &violations_));
  v1::Backend* backend = FindFor(name, etag);
  if (backend == nullptr || !violations_.empty()) return;
  BeginDrain(options, stamp_.now, backend->status().drain().delete_when_done(), *backend);
}

void Draft::UndrainBackend(const std::string& name, const std::string& etag) {
  v1::Backend* backend = FindFor(name, etag);
  if (backend == nullptr) return;
  backend->set_admin_state(v1::ADMIN_STATE_ACTIVE);
  FollowAdminState(stamp_.now, *backend);
}

std::vector<std::string> Draft::UsersOf(const v1::Backend& backend) const {
  // Whether a name is the model's own or one that the backend gives it: clients ask by either.
  std::set<std::string> orphaned;
  for (const v1::ServedModel& served : backend.models()) {
    orphaned.insert(served.model());
    if (!served.alias().empty()) orphaned.insert(served.alias());
  }
  backends_.ForEach([&](const v1::Backend& other) {
    if (other.name() == backend.name() || other.status().drain().delete_when_done()) return;
    for (const v1::ServedModel& served : other.models()) {
      orphaned.erase(served.model());
      orphaned.erase(served.alias());
    }
  });
  std::vector<std::string> users;
  aliases_.ForEach([&](const v1::ModelAlias& alias) {
    const auto named = [&](const v1::WeightedModel& t) { return orphaned.count(t.model()) > 0; };
    if (std::any_of(alias.targets().begin(), alias.targets().end(), named))
      users.push_back(alias.name());
  });
  policies_.ForEach([&](const v1::RoutingPolicy& policy) {
    const auto model = IdIn(kRoutingOfModel, policy.name());
    if (model && orphaned.count(std::string(*model)) > 0) users.push_back(policy.name());
  });
  return users;
}

void Draft::DeclareBackends(v1::BackendSource source, const std::vector<v1::Backend>& backends) {
  std::set<std::string> declared;
  for (const v1::Backend& wanted : backends) {
    declared.insert(wanted.name());
    v1::Backend* existing = backends_.Find(wanted.name());
    if (existing == nullptr) {
      existing = backends_.Add(wanted);
      existing->set_source(source);
    } else if (existing->source() == source) {
      *existing->mutable_models() = wanted.models();
      existing->set_model_type(wanted.model_type());
    }
    CheckBackend(*existing, context_, Checker(wanted.name(), &violations_));
  }
  std::vector<std::string> gone;
  backends_.ForEach([&](const v1::Backend& backend) {
    if (backend.source() == source && declared.count(backend.name()) == 0) {
      gone.push_back(backend.name());
    }
  });
  for (const std::string& name : gone) backends_.Remove(name);
}

base::Outcome<Change> Draft::Finish() {
  Change change;
  change.document = Close();
  CheckWhole(change.config(), &violations_);
  if (!violations_.empty()) return base::InvalidFields(std::move(violations_));
  if (failure_) return *std::move(failure_);
  change.diff = Diff(base_->config(), change.config());
  change.reordered = !SameOrder(base_->config(), change.config());
  if (!change.any()) change.document = base_;
  change.warnings = Warnings(change.config());
  return change;
}

}  // namespace vllm_router::config
