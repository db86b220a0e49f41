// A day's clients: a load generator that writes down, for each of its requests, what its client has
// seen. Requests of all dialects, streams and others, for two models, one alias, and a model that
// nobody serves; some ask for an error, some clients leave. What is asked is decided by a seed;
// what comes is not.
//
//   DayLedger ledger;
//   DayClients clients(port, {.clients = 8, .requests = 100}, &ledger);
//   ledger.WaitFor(200);                    // goes on once so many have ended
//   clients.Join();
//   for (const Visit& visit : ledger.visits()) ...
#ifndef TESTS_INTEGRATION_DAY_CLIENTS_H_
#define TESTS_INTEGRATION_DAY_CLIENTS_H_

#include <condition_variable>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"
#include "tests/integration/dialects.h"

namespace vllm_router::test {

// One request, and what became of it in its client's eyes.
struct Visit {
  // How the client means to end.
  enum class Leaves : uint8_t {
    kNever,
    kBeforeHead,  // has sent its request and goes; the engine would never have answered
    kAtStop,      // has all that the engine will send, which then stops without an end
    kInFlow,      // while tokens come
  };

  std::string id;  // X-Request-Id
  const Dialect* dialect = nullptr;
  std::string model;     // as asked for
  bool readable = true;  // the body is JSON
  bool stream = false;
  std::string fault;  // that the engine is asked for, in the words of X-Fake-Fault
  Leaves leaves = Leaves::kNever;
  uint64_t tokens = 0;  // after which it leaves
  uint64_t request_bytes = 0;

  int status = 0;      // 0: no head came
  std::string body;    // what came of it, without its framing
  bool whole = false;  // the answer came to its end
  bool left = false;   // the client closed before that

  uint64_t content_events() const {
    return stream && status == 200 ? ContentEvents(*dialect, body) : 0;
  }
  // The stream ended with an error.
  bool broken() const { return stream && body.find(kErrorEvent) != std::string::npos; }
  // Of the body, what an engine sent: without the router's event.
  std::string_view sent_by_engine() const {
    return std::string_view(body).substr(0, broken() ? body.find(kErrorEvent) : body.size());
  }

  static constexpr std::string_view kErrorEvent = "event: error\n";
};

class DayLedger {
 public:
  void Add(Visit visit);
  // Waits until so many have ended.
  void WaitFor(size_t count) const;
  // Once all have ended.
  std::vector<Visit> visits() const;

 private:
  mutable base::Mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::vector<Visit> visits_ ABSL_GUARDED_BY(mutex_);
};

class DayClients {
 public:
  struct Plan {
    int clients = 8;
    int requests = 100;  // of each
    int seed = 1;
    // Generation takes so many tokens at most; a stream whose client leaves in the flow would go on
    // for far more.
    uint32_t most_tokens = 40;
  };

  // Starts them. `ledger` must outlive them.
  DayClients(uint16_t port, const Plan& plan, DayLedger* ledger);
  ~DayClients() { Join(); }
  DayClients(const DayClients&) = delete;
  DayClients& operator=(const DayClients&) = delete;

  // Waits until all have had their requests.
  void Join();

 private:
  std::vector<std::thread> threads_;
};

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_DAY_CLIENTS_H_
