// Readers of WatchConfig, each with a connection and a thread of its own; some open their stream,
// take its first message and then do not read until they are told to. Says how late each generation
// reached those that read, and whether anybody missed one.
#ifndef TOOLS_APPLYGEN_WATCHERS_H_
#define TOOLS_APPLYGEN_WATCHERS_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/loadgen/histogram.h"
#include "vllm_router/client.h"

namespace vllm_router::applygen {

class Watchers {
 public:
  // When each generation came into effect, as the router says.
  using EffectTimes = std::map<uint64_t, absl::Time>;

  struct Result {
    uint64_t incomplete = 0;     // readers that did not get to the last generation, or got an error
    uint64_t disordered = 0;     // messages whose generation is not above the one before
    uint64_t unaccounted = 0;    // generations that neither came nor were said to be skipped
    uint64_t skipped = 0;        // generations merged into a later one
    uint64_t messages = 0;       // to readers
    uint64_t late_messages = 0;  // that the stalled readers found when they read on
    loadgen::Histogram lateness;
  };

  // All streams stand when it returns.
  static absl::StatusOr<std::unique_ptr<Watchers>> Open(const std::string& address,
                                                        uint64_t readers, uint64_t stalled);
  ~Watchers();

  // Lets all readers get to `generation`, the stalled ones too, within `patience`. Once.
  Result FinishAt(uint64_t generation, const EffectTimes& effects, absl::Duration patience);

 private:
  struct Seen {
    absl::Time at;
    uint64_t generation;
    uint64_t skipped;
  };
  struct Reader {
    std::unique_ptr<Client> client;
    std::unique_ptr<ConfigWatch> watch;
    std::vector<Seen> seen;  // of its thread until that has ended
    std::thread thread;
  };

  // The next message; false at a final error.
  static bool ReadOne(absl::Time deadline, Reader* reader);
  // Reads up to the last generation.
  void Read(Reader* reader) const;
  static void Judge(const Reader& reader, uint64_t generation, Result* result);

  // What to get to, and until when; not known yet while the changes go on.
  std::atomic<uint64_t> last_generation_{UINT64_MAX};
  std::atomic<int64_t> give_up_at_ns_{INT64_MAX};
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<std::unique_ptr<Reader>> stalled_;
};

}  // namespace vllm_router::applygen

#endif  // TOOLS_APPLYGEN_WATCHERS_H_
