// A scripted day of one router: two models on four engines, eight clients with requests of every
// kind, engines that are slow, die in the middle of streams and come back, and a configuration that
// changes meanwhile. At its end the access log, /metrics, GetStats, WatchStats, the block of
// --log-stats and the engines agree with what the clients have written down, request for request
// and token for token.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/integration/day_stage.h"

namespace vllm_router::test {
namespace {

double Mean(const v1::Histogram& histogram) {
  return histogram.sum_seconds() / static_cast<double>(Values(histogram));
}

// Some other number for a longer day: ROUTER_DAY_REQUESTS=5000.
int FromEnvironment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

class Day : public DayStage {
 protected:
  // Until all clients have had their requests.
  void LiveThrough(const DayClients::Plan& plan, DayLedger* ledger);
  void Change(const std::string& mutations) {
    const auto changed = Apply(mutations);
    EXPECT_TRUE(changed.ok()) << changed.status();
  }
  void SetState(const std::string& backend, const std::string& state) {
    EXPECT_TRUE(Apply("mutations { upsert_backend { name: \"" + backend +
                      "\" admin_state: " + state + " } update_mask { paths: \"admin_state\" } }")
                    .ok());
  }
  void CheckLogStats(const v1::StatsTable& totals);

  double day_ = 0;  // seconds from the first end of a request to the last
};

void Day::LiveThrough(const DayClients::Plan& plan, DayLedger* ledger) {
  const auto wait_for_sixth = [&, all = static_cast<size_t>(plan.clients * plan.requests)](
                                  size_t sixth) { ledger->WaitFor(all * sixth / 6); };
  DayClients clients(port(), plan, ledger);
  ledger->WaitFor(1);
  const auto first_end = std::chrono::steady_clock::now();
  wait_for_sixth(1);
  ReloadFile();
  NoteBackends();
  ASSERT_EQ(urls_.size(), 4u);
  wait_for_sixth(2);
  Kill(engine(kMortal));
  wait_for_sixth(3);
  Change(R"(mutations { upsert_routing_policy { name: "routing/beta" session {}
            session_key: "x-user" } })");
  EXPECT_TRUE(engine(kMortal).Start().ok());
  wait_for_sixth(4);
  const std::string drained = BackendName(0);
  SetState(drained, "ADMIN_STATE_DRAINING");
  wait_for_sixth(5);
  SetState(drained, "ADMIN_STATE_ACTIVE");
  clients.Join();
  day_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - first_end).count();
}

// The next block that begins now tells the same of each engine.
void Day::CheckLogStats(const v1::StatsTable& totals) {
  const auto blocks = [this] { return router().CountLog("Server: " + engine(kLate).url()); };
  const size_t before = blocks();
  // One may have been on its way.
  ASSERT_TRUE(Patiently([&] { return blocks() >= before + 2; }));
  const std::vector<std::string> log = router().Log();
  const double so_far =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  for (const v1::BackendStats& backend : totals.backends()) {
    SCOPED_TRACE(backend.url());
    std::string told;
    bool here = false;
    for (const std::string& line : log) {
      if (line.starts_with("Server: ")) here = line == "Server: " + backend.url();
      if (here && line.starts_with(" Request Stats: ")) told = line;  // of the last block
    }
    double qps = 0, latency = 0, gap = 0, uptime = 0;
    unsigned prefill = 0, decoding = 0, finished = 0;
    ASSERT_EQ(std::sscanf(told.c_str(),
                          " Request Stats: QPS: %lf, Avg Latency: %lf, Avg ITL: %lf, Prefill "
                          "Requests: %u, Decoding Requests: %u, Swapped Requests: 0, Finished: %u, "
                          "Uptime: %lf sec",
                          &qps, &latency, &gap, &prefill, &decoding, &finished, &uptime),
              7)
        << told;
    const v1::TrafficStats& traffic = backend.traffic();
    EXPECT_EQ(prefill, 0u);
    EXPECT_EQ(decoding, 0u);
    EXPECT_EQ(finished, traffic.requests_finished());
    // The window is longer than the day: means and rates are of all of it. Rounded as printed.
    EXPECT_NEAR(latency, Mean(traffic.end_to_end()), 0.0051);
    EXPECT_NEAR(gap, Mean(traffic.inter_token()), 0.000051);
    const auto started = static_cast<double>(traffic.requests_started());
    EXPECT_GE(qps, started / so_far - 0.0051);
    EXPECT_LE(qps, started / uptime + 0.0051) << "the router is older than its first request";
    EXPECT_GE(uptime, day_ - 0.0051) << "it began with the first request";
    EXPECT_LE(uptime, so_far);
  }
}

TEST_F(Day, AllWitnessesAgree) {
  Begin();
  const Follower follower(
      admin().WatchStats(Proto<v1::WatchStatsRequest>("min_interval { nanos: 100000000 }")));

  DayLedger ledger;
  const DayClients::Plan plan = {.clients = 8,
                                 .requests = FromEnvironment("ROUTER_DAY_REQUESTS", 150),
                                 .seed = FromEnvironment("ROUTER_DAY_SEED", 4)};
  LiveThrough(plan, &ledger);

  const DayRecords records = Records(ledger);
  ASSERT_EQ(records.visits.size(), static_cast<size_t>(plan.clients * plan.requests));
  const DayBooks books(records);
  // It was a day with everything in it.
  for (const char* end : {"200 completed", "429 completed", "404 rejected", "400 rejected",
                          "500 backend_status", "502 backend_connect", "502 backend_protocol",
                          "200 backend_died", "200 client_aborted", "499 client_aborted"}) {
    EXPECT_TRUE(books.endings().contains(end)) << end;
  }
  EXPECT_GT(books.retried(), 0u);
  for (const auto& engine : engines_) EXPECT_GT(engine->counters().answered, 20u);

  const v1::StatsTable totals = Totals();
  Counts told;
  Add(totals, &told);
  EXPECT_EQ(Differences(ByUrl(told), books.statistics()), "");
  const MetricsPage page(Ask(Get("/metrics")).body);
  EXPECT_EQ(Differences(CountsOf(page), books.page()), "");
  EXPECT_TRUE(Patiently([&] { return follower.counts() == told; }))
      << Differences(follower.counts(), told);
  EXPECT_GT(follower.messages(), 5u);
  CheckLogStats(totals);
  const auto audit = admin().AuditInFlight({});
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_EQ(audit->matching(), 4u) << audit->ShortDebugString();

  for (const char* gauge :
       {"vllm:num_prefill_requests", "vllm:num_decoding_requests", "vllm_router_active_requests",
        "vllm_router_backend_in_flight", "vllm_router_queued_requests",
        "vllm_router_blocked_streams", "vllm_router_access_log_dropped_total",
        "vllm_router_log_dropped_bytes_total"}) {
    EXPECT_EQ(page.Sum(gauge), 0) << gauge;
  }
  const double tokens = page.Sum("vllm_router_output_tokens_total");
  EXPECT_EQ(page.Sum("vllm:output_tokens_total"), tokens);
  EXPECT_EQ(page.Sum("vllm_router_live_output_tokens_total"), tokens);
  for (const auto& [end, count] : books.endings()) GTEST_LOG_(INFO) << count << " x " << end;
  GTEST_LOG_(INFO) << books.retried() << " asked again, " << tokens << " tokens";
}

}  // namespace
}  // namespace vllm_router::test
