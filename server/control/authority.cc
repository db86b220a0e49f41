#include "server/control/authority.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/config/diff.h"

namespace vllm_router::control {
namespace {

using google::protobuf::util::TimeUtil;

google::protobuf::Timestamp ToProto(base::WallTime time) {
  return TimeUtil::NanosecondsToTimestamp(time.time_since_epoch().count());
}

base::WallTime ToTime(const google::protobuf::Timestamp& time) {
  return base::WallTime(base::Duration(TimeUtil::TimestampToNanoseconds(time)));
}

std::set<std::string> NamesIn(const v1::ConfigDiff& diff) {
  std::set<std::string> names;
  for (const v1::ResourceDiff& resource : diff.resources()) names.insert(resource.name());
  return names;
}

// A drain that nothing keeps any more: no request is left, or its deadline lets the rest go.
bool IsOver(const v1::DrainStatus& drain, uint64_t in_flight, base::WallTime now) {
  const bool released = drain.has_deadline_time() && now >= ToTime(drain.deadline_time()) &&
                        drain.on_deadline() == v1::ON_DRAIN_DEADLINE_RELEASE;
  return in_flight == 0 || released;
}

}  // namespace

Authority::Authority(Options options, v1::Config first, const Author& author, base::WallTime now)
    : options_(std::move(options)) {
  v1::Revision meta;
  meta.set_name(absl::StrFormat("revisions/%d", first.generation()));
  meta.set_generation(first.generation());
  *meta.mutable_create_time() = ToProto(now);
  meta.set_origin(author.origin);
  meta.set_actor(author.actor);
  meta.set_reason(author.reason);
  revisions_.push_back({std::move(meta), std::make_shared<const v1::Config>(std::move(first))});
}

base::Outcome<Proposal> Authority::Propose(const Command& command, base::WallTime now) const {
  const uint64_t base = generation();
  if (command.base_generation != 0 && command.base_generation != base) {
    return base::GenerationMismatch(base);
  }
  const uint64_t next = base + 1;
  config::Draft draft(*config(), options_.context,
                      {.generation = next,
                       .now = ToProto(now),
                       .etag = absl::StrFormat("%s-%d", options_.instance, next),
                       .source = command.source});
  command.edit(draft);
  base::Outcome<config::Change> change = draft.Finish();
  if (!change.ok()) return change.failure();
  if (auto failure = CheckPending(command, change->diff)) return *std::move(failure);

  Proposal proposal;
  proposal.changed = change->any();
  proposal.diff = std::move(change->diff);
  proposal.warnings = std::move(change->warnings);
  proposal.base_generation = base;
  proposal.generation = proposal.changed ? next : base;
  proposal.validate_only = command.validate_only;
  proposal.config =
      proposal.changed ? std::make_shared<const v1::Config>(std::move(change->config)) : config();
  v1::Revision& meta = proposal.revision;
  meta.set_name(absl::StrFormat("revisions/%d", proposal.generation));
  meta.set_generation(proposal.generation);
  *meta.mutable_create_time() = ToProto(now);
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
    *commit.mutable_expire_time() = ToProto(now + *command.confirm_within);
    commit.set_actor(command.author.actor);
  }
  return proposal;
}

std::optional<base::Failure> Authority::CheckPending(const Command& command,
                                                     const v1::ConfigDiff& diff) const {
  // What takes the pending change back is not in its own way.
  if (!pending_ || command.author.origin == v1::REVISION_ORIGIN_REVERT) return std::nullopt;
  const std::set<std::string> names = NamesIn(diff);
  const auto touched = [this](const std::string& name) { return pending_names_.count(name) > 0; };
  const bool second = command.confirm_within.has_value();
  if (!second && std::none_of(names.begin(), names.end(), touched)) return std::nullopt;
  return base::CommitPending(pending_->commit_id(), TimeUtil::ToString(pending_->expire_time()));
}

void Authority::Accept(const Proposal& proposal) {
  if (!proposal.takes_effect()) return;
  if (proposal.revision.origin() == v1::REVISION_ORIGIN_REVERT) {
    pending_.reset();
    pending_names_.clear();
  }
  if (proposal.commit) {
    pending_ = proposal.commit;
    pending_names_ = NamesIn(proposal.diff);
  }
  revisions_.push_back({proposal.revision, proposal.config});
  // What an unconfirmed change goes back to has to stay.
  while (revisions_.size() > options_.keep_revisions &&
         !(pending_ && oldest_generation() == pending_->base_generation())) {
    revisions_.pop_front();
  }
}

base::Outcome<uint64_t> Authority::Confirm(const std::string& commit_id) {
  if (!pending_ || pending_->commit_id() != commit_id) return base::CommitNotFound(commit_id);
  pending_.reset();
  pending_names_.clear();
  return generation();
}

base::Outcome<Command> Authority::Cancel(const std::string& commit_id, Author author) const {
  if (!pending_ || pending_->commit_id() != commit_id) return base::CommitNotFound(commit_id);
  return Revert(std::move(author));
}

Command Authority::Revert(Author author) const {
  author.origin = v1::REVISION_ORIGIN_REVERT;
  const ConfigPtr former = Find(pending_->base_generation())->config;
  return {.author = std::move(author),
          .edit = [former,
                   names = pending_names_](config::Draft& draft) { draft.Restore(names, *former); },
          .restored_generation = pending_->base_generation()};
}

base::Outcome<Command> Authority::Rollback(uint64_t to_generation, Author author) const {
  const Kept* kept = Find(to_generation);
  if (kept == nullptr) {
    return base::RevisionNotFound(to_generation, oldest_generation());
  }
  author.origin = v1::REVISION_ORIGIN_ROLLBACK;
  return Command{
      .author = std::move(author),
      .edit = [former = kept->config](config::Draft& draft) { draft.RestoreAll(*former); },
      .restored_generation = to_generation};
}

const Authority::Kept* Authority::Find(uint64_t generation) const {
  // Generations are counted up by one.
  if (generation < oldest_generation() || generation > this->generation()) return nullptr;
  return &revisions_[generation - oldest_generation()];
}

std::vector<v1::Revision> Authority::Revisions(uint64_t before, size_t limit) const {
  std::vector<v1::Revision> found;
  for (auto it = revisions_.rbegin(); it != revisions_.rend() && found.size() < limit; ++it) {
    if (before == 0 || it->meta.generation() < before) found.push_back(it->meta);
  }
  return found;
}

base::Outcome<v1::Revision> Authority::GetRevision(uint64_t generation) const {
  const Kept* kept = Find(generation);
  if (kept == nullptr) return base::RevisionNotFound(generation, oldest_generation());
  v1::Revision revision = kept->meta;
  *revision.mutable_config() = *kept->config;
  config::Redact(*revision.mutable_config());
  if (const Kept* before = Find(generation - 1); before != nullptr) {
    *revision.mutable_diff() = config::Diff(*before->config, *kept->config);
  }
  return revision;
}

std::optional<Command> Authority::Due(base::WallTime now, const InFlight& in_flight) const {
  if (pending_ && now >= ToTime(pending_->expire_time())) {
    return Revert({.actor = "router", .reason = "the change was not confirmed in time"});
  }
  std::vector<std::string> drained;
  for (const v1::Backend& backend : config()->backends()) {
    const v1::DrainStatus& drain = backend.status().drain();
    // One that a pending change touched stays, so that it can be taken back.
    if (!drain.delete_when_done() || pending_names_.count(backend.name()) > 0) continue;
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
  for (const v1::Backend& backend : config()->backends()) {
    const v1::DrainStatus& drain = backend.status().drain();
    if (drain.on_deadline() == v1::ON_DRAIN_DEADLINE_ABORT && drain.has_deadline_time() &&
        now >= ToTime(drain.deadline_time())) {
      names.push_back(backend.name());
    }
  }
  return names;
}

}  // namespace vllm_router::control
