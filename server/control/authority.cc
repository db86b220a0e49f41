#include "server/control/authority.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/config/diff.h"
#include "server/config/times.h"

namespace vllm_router::control {
namespace {

using google::protobuf::util::TimeUtil;

std::set<std::string> NamesIn(const v1::ConfigDiff& diff) {
  std::set<std::string> names;
  for (const v1::ResourceDiff& resource : diff.resources()) names.insert(resource.name());
  return names;
}

// A drain that nothing keeps any more: no request is left, or its deadline lets the rest go.
bool IsOver(const v1::DrainStatus& drain, uint64_t in_flight, base::WallTime now) {
  const bool released = drain.has_deadline_time() &&
                        now >= config::FromTimestamp(drain.deadline_time()) &&
                        drain.on_deadline() == v1::ON_DRAIN_DEADLINE_RELEASE;
  return in_flight == 0 || released;
}

}  // namespace

Authority::Authority(Options options, v1::Config first, std::optional<PendingChange> pending)
    : options_(std::move(options)),
      document_(std::make_shared<const config::Document>(std::move(first))),
      pending_(std::move(pending)) {}

base::Outcome<Proposal> Authority::Propose(const Command& command, base::WallTime now) const {
  const uint64_t base = generation();
  if (command.base_generation != 0 && command.base_generation != base) {
    return base::GenerationMismatch(base);
  }
  const uint64_t next = base + 1;
  config::Draft draft(document_, options_.context,
                      {.generation = next,
                       .now = config::ToTimestamp(now),
                       .etag = absl::StrFormat("%s-%d", options_.instance, next),
                       .source = command.source});
  command.edit(draft);
  base::Outcome<config::Change> change = draft.Finish();
  if (!change.ok()) return change.failure();
  if (auto failure = CheckPending(command, *change)) return *std::move(failure);

  Proposal proposal;
  proposal.changed = change->any();
  proposal.reordered = change->reordered;
  proposal.diff = std::move(change->diff);
  proposal.warnings = std::move(change->warnings);
  proposal.base_generation = base;
  proposal.generation = proposal.changed ? next : base;
  proposal.validate_only = command.validate_only;
  proposal.document = std::move(change->document);
  v1::Revision& meta = proposal.revision;
  meta.set_name(absl::StrFormat("revisions/%d", proposal.generation));
  meta.set_generation(proposal.generation);
  *meta.mutable_create_time() = config::ToTimestamp(now);
  meta.set_origin(command.author.origin);
  meta.set_actor(command.author.actor);
  meta.set_reason(command.author.reason);
  meta.set_restored_generation(command.restored_generation);
  meta.set_changed_resources(static_cast<uint32_t>(proposal.diff.resources_size()));
  if (command.confirm_within && proposal.takes_effect()) {
    v1::PendingCommit& commit = proposal.commit.emplace();
    commit.set_commit_id(absl::StrFormat("%s-c%d", options_.instance, next));
    commit.set_generation(next);
    commit.set_base_generation(base);
    *commit.mutable_expire_time() = config::ToTimestamp(now + *command.confirm_within);
    commit.set_actor(command.author.actor);
  }
  return proposal;
}

std::optional<base::Failure> Authority::CheckPending(const Command& command,
                                                     const config::Change& change) const {
  // What takes the pending change back is not in its own way.
  if (!pending_ || command.author.origin == v1::REVISION_ORIGIN_REVERT) return std::nullopt;
  const std::set<std::string> names = NamesIn(change.diff);
  const auto touched = [this](const std::string& name) { return IsPending(name); };
  const bool conflicts = (change.reordered && pending_->reordered) ||
                         std::any_of(names.begin(), names.end(), touched) ||
                         !CouldRevert(change.document);
  if (!command.confirm_within && !conflicts) return std::nullopt;
  return base::CommitPending(pending_->commit.commit_id(),
                             TimeUtil::ToString(pending_->commit.expire_time()));
}

bool Authority::CouldRevert(const config::DocumentPtr& document) const {
  config::Draft draft(document, options_.context, {});
  Revert({}).edit(draft);
  return draft.Finish().ok();
}

std::optional<PendingChange> Authority::PendingAfter(const Proposal& proposal) const {
  if (proposal.commit) {
    return PendingChange{*proposal.commit, NamesIn(proposal.diff), proposal.reordered, config()};
  }
  if (proposal.revision.origin() == v1::REVISION_ORIGIN_REVERT) return std::nullopt;
  return pending_;
}

void Authority::Accept(const Proposal& proposal) {
  if (!proposal.takes_effect()) return;
  pending_ = PendingAfter(proposal);
  document_ = proposal.document;
}

std::optional<base::Failure> Authority::CheckCommit(const std::string& commit_id) const {
  if (pending_ && pending_->commit.commit_id() == commit_id) return std::nullopt;
  return base::CommitNotFound(commit_id);
}

Command Authority::Revert(Author author) const {
  author.origin = v1::REVISION_ORIGIN_REVERT;
  return {.author = std::move(author),
          .edit =
              [former = pending_->base, names = pending_->names,
               reordered = pending_->reordered](config::Draft& draft) {
                draft.Restore(names, *former);
                if (reordered) draft.RestoreOrder(*former);
              },
          .restored_generation = pending_->commit.base_generation()};
}

Command Authority::Rollback(ConfigPtr former, Author author) {
  author.origin = v1::REVISION_ORIGIN_ROLLBACK;
  const uint64_t generation = former->generation();
  return {.author = std::move(author),
          .edit = [former = std::move(former)](config::Draft& draft) { draft.RestoreAll(*former); },
          .restored_generation = generation};
}

std::optional<Command> Authority::Due(base::WallTime now, const InFlight& in_flight) const {
  if (pending_ && now >= config::FromTimestamp(pending_->commit.expire_time())) {
    return Revert({.actor = "router", .reason = "the change was not confirmed in time"});
  }
  std::vector<std::string> drained;
  for (const v1::Backend& backend : document_->config().backends()) {
    const v1::DrainStatus& drain = backend.status().drain();
    // One that a pending change touched stays, so that it can be taken back.
    if (!drain.delete_when_done() || IsPending(backend.name())) continue;
    if (IsOver(drain, in_flight(backend.name()), now)) drained.push_back(backend.name());
  }
  if (drained.empty()) return std::nullopt;
  return Command{
      .author = {.actor = "router", .origin = v1::REVISION_ORIGIN_DRAIN, .reason = "drained"},
      .edit = [drained = std::move(drained)](config::Draft& draft) {
        for (const std::string& name : drained) draft.RemoveBackend(name);
      }};
}

std::vector<std::string> Authority::ToAbort(base::WallTime now) const {
  std::vector<std::string> names;
  for (const v1::Backend& backend : document_->config().backends()) {
    const v1::DrainStatus& drain = backend.status().drain();
    if (drain.on_deadline() == v1::ON_DRAIN_DEADLINE_ABORT && drain.has_deadline_time() &&
        now >= config::FromTimestamp(drain.deadline_time())) {
      names.push_back(backend.name());
    }
  }
  return names;
}

bool Authority::WaitsForTime() const {
  if (pending_) return true;
  const auto waits = [](const v1::Backend& backend) {
    const v1::DrainStatus& drain = backend.status().drain();
    return drain.delete_when_done() ||
           (drain.on_deadline() == v1::ON_DRAIN_DEADLINE_ABORT && drain.has_deadline_time());
  };
  const auto& backends = document_->config().backends();
  return std::any_of(backends.begin(), backends.end(), waits);
}

}  // namespace vllm_router::control
