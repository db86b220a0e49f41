// The resources of one kind in a configuration under change, found by name in constant time however
// many there are. Lives for one change; not thread-safe.
#ifndef SERVER_CONFIG_TABLE_H_
#define SERVER_CONFIG_TABLE_H_

#include <google/protobuf/repeated_field.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/base/strings.h"

namespace vllm_router::config {

// Names of resources.
using Touched = absl::flat_hash_set<std::string, base::StringHash, base::StringEq>;

template <typename Resource>
class Table {
 public:
  using List = google::protobuf::RepeatedPtrField<Resource>;

  // `touched` gets the names of all that may have been changed through the table.
  Table(List* list, Touched* touched) : list_(list), touched_(touched) {
    index_.reserve(static_cast<size_t>(list->size()));
    for (int i = 0; i < list->size(); ++i) index_[list->Get(i).name()] = i;
  }

  // nullptr when there is none of that name.
  Resource* Find(std::string_view name) {
    const auto found = index_.find(name);
    if (found == index_.end()) return nullptr;
    touched_->insert(found->first);
    return list_->Mutable(found->second);
  }
  // At the end of the list. There must be none of that name.
  Resource* Add(Resource resource) {
    index_[resource.name()] = list_->size();
    touched_->insert(resource.name());
    *list_->Add() = std::move(resource);
    return list_->Mutable(list_->size() - 1);
  }
  // The slot stays until Purge.
  void Remove(std::string_view name) {
    const auto found = index_.find(name);
    if (found == index_.end()) return;
    removed_.insert(found->second);
    index_.erase(found);
  }
  // Takes the removed ones out of the list. The last call.
  void Purge() {
    if (removed_.empty()) return;
    List kept;
    for (int i = 0; i < list_->size(); ++i) {
      if (removed_.count(i) == 0) *kept.Add() = std::move(*list_->Mutable(i));
    }
    list_->Swap(&kept);
    removed_.clear();
  }
  // Every one that has not been removed, in order.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (int i = 0; i < list_->size(); ++i) {
      if (removed_.count(i) == 0) visit(list_->Get(i));
    }
  }

 private:
  List* list_;
  Touched* touched_;
  base::StringMap<int> index_;
  std::set<int> removed_;
};

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_TABLE_H_
