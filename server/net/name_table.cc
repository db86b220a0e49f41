#include "server/net/name_table.h"

#include <algorithm>

namespace vllm_router::net {
namespace {

constexpr base::TimePoint kNever = base::TimePoint::max();

std::vector<Address> WithoutDuplicates(const std::vector<Address>& addresses) {
  std::vector<Address> unique;
  for (const Address& address : addresses) {
    if (std::find(unique.begin(), unique.end(), address) == unique.end()) unique.push_back(address);
  }
  return unique;
}

std::vector<Address> Sorted(std::vector<Address> addresses) {
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

}  // namespace

base::Duration NameTable::Shortened(base::Duration wait) {
  const auto fifth = static_cast<uint64_t>(wait.count()) / 5;
  return wait - base::Duration(static_cast<int64_t>(rng_.Below(fifth + 1)));
}

void NameTable::SetNames(const std::vector<HostPort>& names, base::TimePoint now) {
  std::map<HostPort, Entry> wanted;
  for (const HostPort& name : names) {
    if (wanted.count(name) > 0) continue;
    if (const auto known = entries_.find(name); known != entries_.end()) {
      wanted.emplace(name, std::move(known->second));
      continue;
    }
    Entry entry;
    entry.serial = ++last_serial_;
    entry.due = now;
    if (const std::optional<Address> literal = ParseIpLiteral(name.first, name.second)) {
      entry.addresses = {*literal};
      entry.due = kNever;
      entry.tried = true;
    }
    wanted.emplace(name, std::move(entry));
  }
  entries_ = std::move(wanted);
}

std::optional<NameTable::Attempt> NameTable::TakeDue(base::TimePoint now) {
  std::pair<const HostPort, Entry>* first = nullptr;
  for (auto& item : entries_) {
    const Entry& entry = item.second;
    if (entry.running || entry.due > now) continue;
    if (first == nullptr || entry.due < first->second.due) first = &item;
  }
  if (first == nullptr) return std::nullopt;
  first->second.running = true;
  return Attempt{first->first, first->second.serial};
}

base::TimePoint NameTable::NextDue() const {
  base::TimePoint next = kNever;
  for (const auto& [name, entry] : entries_) {
    if (!entry.running) next = std::min(next, entry.due);
  }
  return next;
}

NameTable::Effect NameTable::Finish(const Attempt& attempt,
                                    const absl::StatusOr<std::vector<Address>>& found,
                                    base::TimePoint now) {
  const auto it = entries_.find(attempt.name);
  if (it == entries_.end() || it->second.serial != attempt.serial) return {};
  Entry& entry = it->second;
  entry.running = false;
  entry.tried = true;
  const bool had_failed = entry.retry > base::Duration(0);
  if (!found.ok() || found->empty()) {
    entry.retry = std::min(had_failed ? 2 * entry.retry : pace_.first_retry, pace_.longest_retry);
    entry.due = now + Shortened(entry.retry);
    return {.began_to_fail = !had_failed};
  }
  entry.retry = base::Duration(0);
  entry.due = now + Shortened(pace_.refresh);
  std::vector<Address> addresses = WithoutDuplicates(*found);
  // Name servers rotate their answers: only another set is a change, another order is none.
  const bool changed = Sorted(addresses) != Sorted(entry.addresses);
  if (changed) entry.addresses = std::move(addresses);
  return {.changed = changed, .recovered = had_failed};
}

bool NameTable::FirstRoundDone() const {
  return std::all_of(entries_.begin(), entries_.end(),
                     [](const auto& item) { return item.second.tried; });
}

std::vector<Address> NameTable::Known(const HostPort& name) const {
  const auto it = entries_.find(name);
  return it == entries_.end() ? std::vector<Address>() : it->second.addresses;
}

std::vector<std::pair<HostPort, std::vector<Address>>> NameTable::AllKnown() const {
  std::vector<std::pair<HostPort, std::vector<Address>>> known;
  for (const auto& [name, entry] : entries_) {
    if (!entry.addresses.empty()) known.emplace_back(name, entry.addresses);
  }
  return known;
}

}  // namespace vllm_router::net
