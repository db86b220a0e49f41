#include "server/admin/stats_delta.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/admin/stats_fields.h"

namespace vllm_router::admin {
namespace {

template <typename Entry>
using Entries = google::protobuf::RepeatedPtrField<Entry>;

const std::string& Key(const v1::ModelStats& entry) { return entry.model(); }
const std::string& Key(const v1::BackendStats& entry) { return entry.name(); }
const std::string& Key(const v1::CallbackStats& entry) { return entry.name(); }
uint32_t Key(const v1::ShardStats& entry) { return entry.index(); }

// Where each entry stands.
template <typename Entry>
auto Places(const Entries<Entry>& entries) {
  std::unordered_map<std::decay_t<decltype(Key(entries[0]))>, int> places;
  for (int i = 0; i < entries.size(); ++i) places.emplace(Key(entries[i]), i);
  return places;
}

// `same(i, j)`: entry i of before and entry j of after count on.
template <typename Entry, typename Same>
void Subtract(const Entries<Entry>& before, const Entries<Entry>& after, Same same,
              Entries<Entry>* delta) {
  const auto places = Places(before);
  for (int i = 0; i < after.size(); ++i) {
    // Mostly nothing has come or gone.
    const bool same_place = i < before.size() && Key(before[i]) == Key(after[i]);
    const auto found = same_place ? places.end() : places.find(Key(after[i]));
    const int place = same_place ? i : found == places.end() ? -1 : found->second;
    if (place < 0 || !same(place, i)) {
      *delta->Add() = after[i];
    } else if (!SubtractStats(before[place], after[i], delta->Add())) {
      delta->RemoveLast();
    }
  }
}

template <typename Entry>
void AddRemoved(const Entries<Entry>& before, const Entries<Entry>& after, v1::StatsDelta* delta) {
  const auto places = Places(after);
  for (const Entry& entry : before) {
    if (!places.contains(Key(entry))) delta->add_removed(Key(entry));
  }
}

template <typename Entry>
void Merge(const Entries<Entry>& next, Entries<Entry>* into) {
  const auto places = Places(*into);
  for (const Entry& entry : next) {
    if (const auto found = places.find(Key(entry)); found != places.end()) {
      AddStats(entry, into->Mutable(found->second));
    } else {
      *into->Add() = entry;
    }
  }
}

template <typename Entry>
void Order(const Entries<Entry>& like, Entries<Entry>* entries) {
  const auto places = Places(like);
  const auto place = [&](const Entry& entry) {
    const auto found = places.find(Key(entry));
    return found == places.end() ? like.size() : found->second;
  };
  std::stable_sort(entries->pointer_begin(), entries->pointer_end(),
                   [&](const Entry* a, const Entry* b) { return place(*a) < place(*b); });
}

constexpr auto kAlways = [](int, int) { return true; };

}  // namespace

v1::StatsDelta StatsDifference(const StatsSample& before, const StatsSample& after) {
  v1::StatsDelta delta;
  v1::StatsTable& table = *delta.mutable_table();
  if (after.table.has_router() &&
      !SubtractStats(before.table.router(), after.table.router(), table.mutable_router()))
    table.clear_router();
  Subtract(before.table.models(), after.table.models(), kAlways, table.mutable_models());
  Subtract(
      before.table.backends(), after.table.backends(),
      [&](int i, int j) {
        return before.incarnations[static_cast<size_t>(i)] ==
               after.incarnations[static_cast<size_t>(j)];
      },
      table.mutable_backends());
  Subtract(before.table.callbacks(), after.table.callbacks(), kAlways, table.mutable_callbacks());
  Subtract(before.table.shards(), after.table.shards(), kAlways, table.mutable_shards());
  AddRemoved(before.table.backends(), after.table.backends(), &delta);
  AddRemoved(before.table.callbacks(), after.table.callbacks(), &delta);
  return delta;
}

void MergeStats(const v1::StatsDelta& next, v1::StatsDelta* into) {
  v1::StatsTable& table = *into->mutable_table();
  if (next.table().has_router()) AddStats(next.table().router(), table.mutable_router());
  Merge(next.table().models(), table.mutable_models());
  Merge(next.table().backends(), table.mutable_backends());
  Merge(next.table().callbacks(), table.mutable_callbacks());
  Merge(next.table().shards(), table.mutable_shards());

  // A name that is there again is not gone.
  const auto backends = Places(next.table().backends());
  const auto callbacks = Places(next.table().callbacks());
  auto& removed = *into->mutable_removed();
  removed.erase(std::remove_if(removed.begin(), removed.end(),
                               [&](const std::string& name) {
                                 return backends.contains(name) || callbacks.contains(name);
                               }),
                removed.end());
  removed.MergeFrom(next.removed());
}

void OrderStats(const v1::StatsTable& like, v1::StatsTable* table) {
  Order(like.models(), table->mutable_models());
  Order(like.backends(), table->mutable_backends());
  Order(like.callbacks(), table->mutable_callbacks());
}

}  // namespace vllm_router::admin
