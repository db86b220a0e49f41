// AdminTest with statistics: what the router tells of them, as counters with names, and traffic to
// be told of.
#ifndef TESTS_INTEGRATION_ADMIN_STATS_STAGE_H_
#define TESTS_INTEGRATION_ADMIN_STATS_STAGE_H_

#include <map>
#include <memory>
#include <string>

#include "tests/integration/admin_stage.h"

namespace vllm_router::test {

// Counters by name, such as "router started", "m finished" and "backends/x failed 3". Added up here
// in its own way, so that it does not share a mistake with the router.
using Counts = std::map<std::string, uint64_t>;

inline uint64_t Values(const v1::Histogram& histogram) {
  uint64_t sum = 0;
  for (const uint64_t count : histogram.counts()) sum += count;
  return sum;
}

inline void Add(const std::string& who, const v1::TrafficStats& traffic, Counts* counts) {
  const auto add = [&](const std::string& what, uint64_t value) {
    if (value > 0) (*counts)[who + " " + what] += value;
  };
  add("started", traffic.requests_started());
  add("finished", traffic.requests_finished());
  add("aborted", traffic.requests_aborted_by_client());
  for (const v1::CauseCount& failed : traffic.requests_failed()) {
    add(v1::RequestCause_Name(failed.cause()).substr(sizeof("REQUEST_CAUSE_") - 1), failed.count());
  }
  add("first tokens", Values(traffic.time_to_first_token()));
  add("token gaps", Values(traffic.inter_token()));
  add("latencies", Values(traffic.end_to_end()));
  add("tokens", traffic.output_tokens_counted());
  add("reported tokens", traffic.output_tokens() - traffic.output_tokens_counted());
  add("prompt tokens", traffic.input_tokens());
  add("bytes in", traffic.request_bytes());
  add("bytes out", traffic.response_bytes());
}

inline void Add(const v1::StatsTable& table, Counts* counts) {
  if (table.has_router()) {
    Add("router", table.router().traffic(), counts);
    if (table.router().failover_attempts() > 0) {
      (*counts)["router failovers"] += table.router().failover_attempts();
    }
  }
  for (const v1::ModelStats& model : table.models()) Add(model.model(), model.traffic(), counts);
  for (const v1::BackendStats& backend : table.backends()) {
    Add(backend.name(), backend.traffic(), counts);
  }
}

class AdminStatsTest : public AdminTest {
 protected:
  v1::StatsTable Totals(const std::string& request = "") {
    const auto stats = admin().GetStats(Proto<v1::GetStatsRequest>(request));
    EXPECT_TRUE(stats.ok()) << stats.status();
    return stats.ok() ? stats->snapshot().table() : v1::StatsTable();
  }
  Counts TotalCounts() {
    Counts counts;
    Add(Totals(), &counts);
    return counts;
  }
  std::unique_ptr<StatsWatch> Watch(const std::string& request) {
    return admin().WatchStats(Proto<v1::WatchStatsRequest>(request));
  }
  static v1::WatchStatsResponse Next(StatsWatch& watch) {
    const auto next = watch.Next(absl::Now() + absl::Seconds(20));
    EXPECT_TRUE(next.ok()) << next.status();
    return next.ok() ? *next : v1::WatchStatsResponse();
  }
  uint64_t Arrived() { return engine(0).counters().requests + engine(1).counters().requests; }
  // Requests with every kind of end, for "m" unless said otherwise. Needs two engines.
  void MakeTraffic() {
    for (int i = 0; i < 4; ++i) EXPECT_EQ(Ask(Chat()).head.status, 200);
    for (int i = 0; i < 2; ++i) {
      const RawResponse stream = Ask(ChatStream("X-Fake-Tokens: 12\r\n"));
      EXPECT_THAT(stream.body, HasSubstr("[DONE]"));
    }
    EXPECT_EQ(Ask(Chat("", "nobody")).head.status, 404);
    EXPECT_EQ(Ask(Chat("X-Fake-Fault: status:500\r\n")).head.status, 500);
    EXPECT_THAT(Ask(ChatStream("X-Fake-Fault: close-mid-stream:3\r\nX-Fake-Tokens: 12\r\n")).body,
                HasSubstr("error"));
    TestClient leaving = Connect();
    leaving.Send(ChatStream("X-Fake-Fault: hang-mid-stream:2\r\nX-Fake-Tokens: 12\r\n"));
    EXPECT_EQ(leaving.Head().status, 200);
    leaving.Events(3);  // the role and two tokens
    leaving.Close();
    const uint64_t arrived = Arrived();
    TestClient cut = Connect();
    cut.Send(Chat("X-Fake-Fault: hang-before-head\r\nX-Request-Id: cut\r\n"));
    const auto abort = Proto<v1::AbortRequestRequest>("http_request_id: \"cut\"");
    EXPECT_TRUE(Eventually([&] { return Arrived() > arrived; }));
    EXPECT_EQ(admin().AbortRequest(abort)->aborted_size(), 1);
    EXPECT_EQ(cut.Response().head.status, 502);
    EXPECT_TRUE(EndsIdle());
  }
};

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_ADMIN_STATS_STAGE_H_
