// The books of a day: what clients and engines have seen of each request is held against its line
// in the access log, and then added up, in the names of AdminStatsTest's Counts, to what the
// statistics and /metrics have to say.
#ifndef TESTS_INTEGRATION_DAY_BOOKS_H_
#define TESTS_INTEGRATION_DAY_BOOKS_H_

#include <map>
#include <string>
#include <vector>

#include "tests/integration/access_log_stage.h"
#include "tests/integration/admin_stats_stage.h"
#include "tests/integration/day_clients.h"
#include "tests/support/metrics_page.h"

namespace vllm_router::test {

// An engine's record of one attempt.
struct EngineEntry {
  std::string url;
  fake_engine::RecordedAnswer answer;
};

// The witnesses, by request id.
struct DayRecords {
  std::vector<Visit> visits;                               // the clients
  std::map<std::string, std::vector<Line>> lines;          // the access log
  std::map<std::string, std::vector<std::string>> routes;  // URLs, of `Routing request` lines
  std::map<std::string, std::vector<EngineEntry>> engine_entries;  // in no order
};

class DayBooks {
 public:
  // Fails the test wherever two witnesses contradict each other.
  explicit DayBooks(const DayRecords& records);

  // Of GetStats and WatchStats; backends by URL.
  const Counts& statistics() const { return statistics_; }
  // Of /metrics; backends as "URL MODEL".
  const Counts& page() const { return page_; }
  // How many requests ended so: "200 completed".
  const std::map<std::string, int>& endings() const { return endings_; }
  uint64_t retried() const { return retried_; }  // requests that had another attempt

 private:
  void Enter(const Visit& visit, Line line);
  void CheckFinished(const Visit& visit, const Line& line);
  void CheckLeft(const Visit& visit, const Line& line);
  void CheckEngines(const Visit& visit, const Line& line);
  void AddUp(const Visit& visit, const Line& line);

  const DayRecords& records_;
  Counts statistics_;
  Counts page_;
  std::map<std::string, int> endings_;
  uint64_t retried_ = 0;
};

// The same of a page of /metrics.
Counts CountsOf(const MetricsPage& page);

// "who what: A instead of B" for each count that differs; empty if none does.
std::string Differences(const Counts& told, const Counts& expected);

// `Routing request` lines of the router's log.
std::map<std::string, std::vector<std::string>> RoutesOf(const std::vector<std::string>& log);

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_DAY_BOOKS_H_
