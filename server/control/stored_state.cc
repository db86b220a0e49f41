#include "server/control/stored_state.h"

#include <future>
#include <utility>

#include "absl/strings/str_format.h"
#include "proto/state.pb.h"
#include "server/base/status.h"
#include "server/config/times.h"

namespace vllm_router::control {
namespace {

absl::Status Damaged(uint64_t generation) {
  return absl::DataLossError(
      absl::StrFormat("generation %d in the state directory cannot be read", generation));
}

absl::StatusOr<store::Revision> ReadNow(store::Store& store, uint64_t generation) {
  std::promise<absl::StatusOr<store::Revision>> read;
  store.Read(generation, [&read](absl::StatusOr<store::Revision> revision) {
    read.set_value(std::move(revision));
  });
  return read.get_future().get();
}

absl::StatusOr<PendingChange> LoadPending(store::Store& store, const store::Pending& stored) {
  v1::PendingRecord record;
  if (!record.ParseFromString(stored.record)) return Damaged(stored.base);
  ROUTER_ASSIGN_OR_RETURN(const store::Revision base, ReadNow(store, stored.base));
  ROUTER_ASSIGN_OR_RETURN(StoredRevision former, FromStored(base));
  return PendingChange{.commit = record.commit(),
                       .names = {record.names().begin(), record.names().end()},
                       .reordered = record.reordered(),
                       .base = std::make_shared<const v1::Config>(std::move(former.config))};
}

}  // namespace

store::Revision ToStored(const v1::Config& config, const v1::Revision& meta) {
  return {.generation = config.generation(),
          .create_time_ns = config::FromTimestamp(meta.create_time()).time_since_epoch().count(),
          .meta = meta.SerializeAsString(),
          .config = config.SerializeAsString()};
}

store::Pending ToStored(const std::optional<PendingChange>& pending) {
  if (!pending) return {};
  v1::PendingRecord record;
  *record.mutable_commit() = pending->commit;
  for (const std::string& name : pending->names) record.add_names(name);
  record.set_reordered(pending->reordered);
  return {.record = record.SerializeAsString(), .base = pending->base->generation()};
}

absl::StatusOr<v1::Revision> MetaFromStored(const store::Revision& stored) {
  v1::Revision meta;
  if (!meta.ParseFromString(stored.meta)) return Damaged(stored.generation);
  return meta;
}

absl::StatusOr<StoredRevision> FromStored(const store::Revision& stored) {
  StoredRevision revision;
  ROUTER_ASSIGN_OR_RETURN(revision.meta, MetaFromStored(stored));
  if (!revision.config.ParseFromString(stored.config)) return Damaged(stored.generation);
  return revision;
}

absl::StatusOr<std::optional<StoredState>> LoadState(store::Store& store) {
  ROUTER_ASSIGN_OR_RETURN(const store::Store::State found, store.Load());
  if (!found.newest) return std::nullopt;
  StoredState state;
  ROUTER_ASSIGN_OR_RETURN(state.newest, FromStored(*found.newest));
  if (!found.pending.record.empty()) {
    ROUTER_ASSIGN_OR_RETURN(state.pending, LoadPending(store, found.pending));
  }
  return state;
}

absl::Status StoreFirst(store::Store& store, const v1::Config& config, const v1::Revision& meta) {
  std::promise<absl::Status> stored;
  store.Append(ToStored(config, meta), {},
               [&stored](absl::Status status) { stored.set_value(std::move(status)); });
  return stored.get_future().get();
}

}  // namespace vllm_router::control
