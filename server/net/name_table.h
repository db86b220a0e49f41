// Which names are wanted, what is known of each, and when to ask for it again: the Resolver without
// its threads. Every method takes the time it happens at, so that tests need no clock.
//
// A name is asked for at once when it is new, then again every `refresh`. After a failure it is
// asked for after `first_retry`, and each further failure in a row doubles the wait up to
// `longest_retry`. Each wait is shortened by up to a fifth, at random, so that the names of a fleet
// drift apart. A failure never takes away what is known. Belongs to one thread, or to one lock.
#ifndef SERVER_NET_NAME_TABLE_H_
#define SERVER_NET_NAME_TABLE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/rng.h"
#include "server/net/address.h"

namespace vllm_router::net {

using HostPort = std::pair<std::string, uint16_t>;

struct ResolvePace {
  base::Duration refresh = std::chrono::seconds(30);
  base::Duration first_retry = std::chrono::seconds(1);
  base::Duration longest_retry = std::chrono::seconds(30);
};

class NameTable {
 public:
  struct Attempt {
    HostPort name;
    uint64_t serial;  // tells a name that was dropped and wanted again from what it was before
  };
  struct Effect {
    bool changed = false;        // the set of addresses is another one now
    bool began_to_fail = false;  // the first failure after a success, or the very first attempt
    bool recovered = false;      // the first success after a failure
  };

  NameTable(ResolvePace pace, base::Rng rng) : pace_(pace), rng_(rng) {}

  // Declares all wanted names; those that are not among them are forgotten. IP literals are known
  // from here on and never asked for.
  void SetNames(const std::vector<HostPort>& names, base::TimePoint now);

  // The name that has been due for longest, if one is; it stays out of the way until Finish.
  std::optional<Attempt> TakeDue(base::TimePoint now);
  // When the next one is due; TimePoint::max() when none will be.
  base::TimePoint NextDue() const;

  // What came of an attempt: addresses in the order of preference, duplicates allowed; none of them
  // counts as a failure. Nothing happens when the name is no longer wanted.
  Effect Finish(const Attempt& attempt, const absl::StatusOr<std::vector<Address>>& found,
                base::TimePoint now);

  // Every wanted name has been asked for at least once.
  bool FirstRoundDone() const;

  // Empty as long as nothing is known of the name.
  std::vector<Address> Known(const HostPort& name) const;
  std::vector<std::pair<HostPort, std::vector<Address>>> AllKnown() const;

 private:
  struct Entry {
    uint64_t serial = 0;
    std::vector<Address> addresses;
    base::TimePoint due;
    base::Duration retry{0};  // the wait after the last failure; zero = it did not fail
    bool running = false;
    bool tried = false;
  };

  base::Duration Shortened(base::Duration wait);

  const ResolvePace pace_;
  base::Rng rng_;
  uint64_t last_serial_ = 0;
  std::map<HostPort, Entry> entries_;
};

}  // namespace vllm_router::net

#endif  // SERVER_NET_NAME_TABLE_H_
