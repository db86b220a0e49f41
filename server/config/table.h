// The resources of one kind in a configuration under change, found by name in constant time however
// many there are. Those of the base are shared with it until they are changed. Lives for one
// change, which the base outlives; not thread-safe.
#ifndef SERVER_CONFIG_TABLE_H_
#define SERVER_CONFIG_TABLE_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/config/document.h"

namespace vllm_router::config {

template <typename Resource>
class Table {
 public:
  explicit Table(const SharedList<Resource>& base) {
    slots_.reserve(base.size());
    for (const auto& resource : base) slots_.push_back({resource, nullptr, nullptr});
    Index();
  }

  bool Has(std::string_view name) const { return index_.contains(name); }
  // To be changed, but for its name. nullptr when there is none of that name.
  Resource* Find(std::string_view name) {
    const auto found = index_.find(name);
    if (found == index_.end()) return nullptr;
    Slot& slot = slots_[found->second];
    if (slot.own == nullptr) {
      slot.before = slot.resource;
      slot.Hold(std::make_shared<Resource>(*slot.resource));
    }
    return slot.own;
  }
  // At the end of the list. There must be none of that name.
  Resource* Add(Resource resource) {
    Slot slot;
    slot.Hold(std::make_shared<Resource>(std::move(resource)));
    const std::string& name = slot.own->name();
    if (const auto gone = removed_.find(name); gone != removed_.end()) slot.before = gone->second;
    index_[name] = slots_.size();
    slots_.push_back(std::move(slot));
    return slots_.back().own;
  }
  void Remove(std::string_view name) {
    const auto found = index_.find(name);
    if (found == index_.end()) return;
    Slot& slot = slots_[found->second];
    index_.erase(found);
    const auto& base = slot.own == nullptr ? slot.resource : slot.before;
    if (base != nullptr) removed_.emplace(base->name(), base);
    slot = {};  // stays, so that the index holds
  }
  // Every one that is there, in order.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.resource != nullptr) visit(*slot.resource);
    }
  }
  // The order of `wanted`; what is not in it comes last, in the order that it had.
  void Reorder(const std::vector<std::string>& wanted) {
    absl::flat_hash_map<std::string_view, size_t> place;
    for (size_t i = 0; i < wanted.size(); ++i) place.emplace(wanted[i], i);
    const auto at = [&](const Slot& slot) {
      const auto found = place.find(slot.resource->name());
      return found == place.end() ? wanted.size() : found->second;
    };
    std::erase_if(slots_, [](const Slot& slot) { return slot.resource == nullptr; });
    std::stable_sort(slots_.begin(), slots_.end(),
                     [&](const Slot& a, const Slot& b) { return at(a) < at(b); });
    Index();
  }
  // The last call: what has become of the list. Calls settle(before, after) for each one that may
  // have been changed, `before` being nullptr for one that the base does not have. If it returns
  // true, the one of the base stands again.
  template <typename Settle>
  SharedList<Resource> Finish(Settle settle) {
    SharedList<Resource> list;
    list.reserve(slots_.size());
    for (Slot& slot : slots_) {
      if (slot.resource == nullptr) continue;
      const bool restored = slot.own != nullptr && settle(slot.before.get(), slot.own);
      list.push_back(std::move(restored ? slot.before : slot.resource));
    }
    return list;
  }

 private:
  struct Slot {
    std::shared_ptr<const Resource> resource;  // nullptr: removed
    Resource* own = nullptr;                   // the same when it is not shared with the base
    std::shared_ptr<const Resource> before;    // what the base has, when it is not shared

    void Hold(std::shared_ptr<Resource> resource_of_its_own) {
      own = resource_of_its_own.get();
      resource = std::move(resource_of_its_own);
    }
  };

  void Index() {
    index_.clear();
    index_.reserve(slots_.size());
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].resource != nullptr) index_[slots_[i].resource->name()] = i;
    }
  }

  std::vector<Slot> slots_;
  // By name. The names are those of resources in slots_ or in the base.
  absl::flat_hash_map<std::string_view, size_t> index_;
  absl::flat_hash_map<std::string_view, std::shared_ptr<const Resource>> removed_;  // of the base
};

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_TABLE_H_
