#include "server/telemetry/families.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/unit/telemetry/stage.h"

namespace vllm_router::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Families, GiveTheOriginalsGaugesTheirValues) {
  Stage stage;
  stage.Stream(0);
  stage.Stream(0);
  stage.Cells(0).traffic.Begin(stage.registry.rate_window().At(stage.clock.Now()), 1);
  stage.backends[0]->runtime->engine_state().OnRead({.running = 1,
                                                     .waiting = 4,
                                                     .prefix_cache_hits = 25,
                                                     .prefix_cache_queries = 100,
                                                     .prefix_cache_hit_rate = 0.25},
                                                    stage.clock.Now(), stage.clock.WallNow());
  stage.backends[1]->runtime->set_healthy(false);
  stage.clock.Advance(std::chrono::seconds(30));
  const std::string text = stage.Text();
  const auto has = [&](const std::string& name, const std::string& value) {
    EXPECT_THAT(text, HasSubstr("\n" + name + "{server=\"http://a:1\"} " + value + "\n"));
  };
  has("vllm:current_qps", "0.1");
  has("vllm:avg_decoding_length", "3");
  has("vllm:num_prefill_requests", "1");
  has("vllm:num_decoding_requests", "0");
  has("vllm:num_requests_running", "1");
  has("vllm:num_requests_waiting", "4");
  has("vllm:avg_latency", "2");
  has("vllm:avg_itl", "0.02");
  has("vllm:num_requests_swapped", "0");
  has("vllm:gpu_prefix_cache_hit_rate", "0.25");
  has("vllm:gpu_prefix_cache_hits_total", "25");
  has("vllm:gpu_prefix_cache_queries_total", "100");
  has("vllm:healthy_pods_total", "1");
  EXPECT_THAT(text, HasSubstr("vllm:healthy_pods_total{server=\"http://b:1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("vllm:avg_latency{server=\"http://b:1\"} -1\n"));
  EXPECT_THAT(text, Not(HasSubstr("vllm:num_requests_waiting{server=\"http://b:1\"}")))
      << "what an engine never said is no 0";
}

TEST(Families, CountTokensErrorsAndLatencyAsTheOriginalLabelsThem) {
  Stage stage;
  stage.Stream(0);
  stage.registry.ForModel("m")->shard(1).incoming.Add(2);
  stage.registry.other_models().shard(0).incoming.Add();
  stage.registry.other_models().shard(0).traffic.Begin(1, 0);
  stage.registry.CountError("http://a:1", "m", "ClientConnectorError");
  const std::string text = stage.Text();
  for (const char* line :
       {"vllm:num_incoming_requests_total{model=\"m\"} 2\n",
        "vllm:num_incoming_requests_total{model=\"other\"} 1\n",
        "vllm:input_tokens_total{server=\"http://a:1\",model=\"m\"} 9\n",
        "vllm:output_tokens_total{server=\"http://a:1\",model=\"m\"} 3\n",
        "vllm:request_errors_total{server=\"http://a:1\",model=\"m\","
        "error_type=\"ClientConnectorError\"} 1\n",
        "vllm:request_latency_seconds_count{server=\"http://a:1\",model=\"m\",status=\"success\"} "
        "1\n",
        "vllm:request_latency_seconds_sum{server=\"http://a:1\",model=\"m\",status=\"success\"} "
        "2\n",
        "model=\"m\",status=\"success\",le=\"1\"} 0\n",
        "model=\"m\",status=\"success\",le=\"2.5\"} 1\n",
        "model=\"m\",status=\"success\",le=\"+Inf\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("status=\"error\""))) << "there was none";
}

TEST(Families, ShowOurOwn) {
  Stage stage;
  stage.Stream(0);
  stage.registry.shard(0).traffic.Begin(1, 0);
  stage.registry.shard(0).traffic.End(stats::Cause::kBackendDied, false);
  stage.registry.shard(1).answers_by_class[5].Add();
  stage.backends[0]->runtime->engine_state().OnRead({.running = 2, .waiting = 1}, stage.clock.Now(),
                                                    stage.clock.WallNow());
  stage.clock.Advance(std::chrono::seconds(5));
  const std::string text = stage.Text();
  for (const char* line :
       {"gen_ai_server_time_to_first_token_seconds_count{gen_ai_request_model=\"m\","
        "server=\"http://a:1\"} 1\n",
        "gen_ai_server_time_per_output_token_seconds_count{gen_ai_request_model=\"m\","
        "server=\"http://a:1\"} 2\n",
        "vllm_router_requests_total{outcome=\"failed\",reason=\"backend_died\"} 1\n",
        "vllm_router_requests_total{outcome=\"failed\",reason=\"overloaded\"} 0\n",
        "vllm_router_output_tokens_total{server=\"http://a:1\",model=\"m\",source=\"usage\"} 3\n",
        "vllm_router_output_tokens_total{server=\"http://a:1\",model=\"m\",source=\"events\"} 0\n",
        "vllm_router_engine_report_age_seconds{server=\"http://a:1\"} 5\n",
        "vllm_router_in_flight_difference{server=\"http://a:1\"} -3\n",
        "vllm_router_answers_total{shard=\"1\",class=\"5xx\"} 1\n",
        "vllm_router_shard_longest_turn_seconds{shard=\"0\"} 0.25\n",
        "vllm_router_connections_refused_total 2\n", "vllm_router_queued_requests 3\n",
        "vllm_router_access_log_dropped_total 9\n",
        "vllm_router_admin_calls_total{rpc=\"GetStats\",code=\"OK\"} 6\n",
        "vllm_router_file_errors_total{file=\"configuration file\"} 1\n",
        "vllm_router_file_refused{file=\"configuration file\"} 1\n",
        "vllm_router_callback_host_down 1\n", "vllm_router_callback_host_restarts_total 4\n",
        "vllm_router_log_dropped_bytes_total 8\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Families, CompareWithNothingThatADeadEngineSaid) {
  Stage stage;
  fleet::EngineState& engine = stage.backends[0]->runtime->engine_state();
  engine.OnRead({.running = 2, .waiting = 1}, stage.clock.Now(), stage.clock.WallNow());
  EXPECT_THAT(stage.Text(), HasSubstr("vllm_router_in_flight_difference{"));
  engine.OnUnreadable("refused", stage.clock.WallNow());
  EXPECT_THAT(stage.Text(), Not(HasSubstr("vllm_router_in_flight_difference{")));
  EXPECT_THAT(stage.Text(), HasSubstr("vllm_router_engine_requests_running{"));
}

// Without it, an alert that a model has nobody left could not be written.
TEST(Families, CountTheBackendsOfEveryModelAlsoWithoutRequests) {
  Stage stage;
  for (const char* line : {"vllm_router_model_backends{model=\"m\"} 2\n",
                           "vllm_router_model_backends_available{model=\"m\"} 2\n",
                           "vllm_router_model_backends{model=\"drained\"} 0\n",
                           "vllm_router_model_backends_available{model=\"drained\"} 0\n"}) {
    EXPECT_THAT(stage.Text(), HasSubstr(line));
  }
  stage.backends[0]->runtime->set_healthy(false);
  EXPECT_THAT(stage.Text(), HasSubstr("vllm_router_model_backends_available{model=\"m\"} 1\n"));
  stage.backends[1]->runtime->OnFailed(
      stage.clock.Now(), {.ejection_failures = 1, .ejection_base = std::chrono::seconds(10)});
  EXPECT_THAT(stage.Text(), HasSubstr("vllm_router_model_backends_available{model=\"m\"} 0\n"));
  EXPECT_THAT(stage.Text(), HasSubstr("vllm_router_model_backends{model=\"m\"} 2\n"));
}

// Those of backends begin with the attempt: a wait in the queue is in none of them.
TEST(Families, ShowLatenciesOfModelsAsClientsSeeThem) {
  Stage stage;
  stats::TrafficCells& cells = stage.registry.ForModel("m")->shard(1).traffic;
  cells.Begin(stage.registry.rate_window().At(stage.clock.Now()), 1);
  cells.time_to_first_token.Record(std::chrono::milliseconds(1500));
  cells.end_to_end.Record(std::chrono::seconds(400));
  stage.registry.ForModel("unasked");
  const std::string text = stage.Text();
  for (const char* line : {"vllm_router_model_time_to_first_token_seconds_count{model=\"m\"} 1\n",
                           "vllm_router_model_time_to_first_token_seconds_sum{model=\"m\"} 1.5\n",
                           "vllm_router_model_request_duration_seconds_count{model=\"m\"} 1\n",
                           "vllm_router_model_request_duration_seconds_sum{model=\"m\"} 400\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("unasked")));
}

TEST(Families, AreWellFormed) {
  Stage stage;
  stage.Stream(0);
  stage.registry.shard(0).traffic.Begin(1, 0);
  stage.registry.shard(0).traffic.End(stats::Cause::kBackendDied, false);
  std::set<std::string> names;
  for (const prometheus::MetricFamily& family : stage.Families()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name << " stands there twice";
    EXPECT_FALSE(family.help.empty()) << family.name;
    EXPECT_NE(family.help.back(), '.') << family.name;
    const bool total = family.name.size() > 6 && family.name.ends_with("_total");
    const bool ours = !family.name.starts_with("vllm:");
    if (ours) {
      EXPECT_EQ(total, family.type == prometheus::MetricType::Counter) << family.name;
    }
    std::set<std::vector<prometheus::ClientMetric::Label>> series;
    for (const prometheus::ClientMetric& metric : family.metric) {
      EXPECT_TRUE(series.insert(metric.label).second) << family.name << " has a series twice";
    }
  }
}

TEST(Families, EscapeWhatClientsNamed) {
  Stage stage;
  stage.registry.ForModel("a\"b\nc")->shard(0).incoming.Add();
  EXPECT_THAT(stage.Text(), HasSubstr("{model=\"a\\\"b\\nc\"} 1\n"));
}

TEST(Reader, TakesMeansOverTheWindow) {
  Stage stage;
  stage.Stream(0);
  stage.reader.Remember(stage.snapshot);
  EXPECT_EQ(stage.Read().backends[0].latency_seconds, 2.0);
  stage.clock.Advance(std::chrono::seconds(60));
  stage.reader.Remember(stage.snapshot);
  EXPECT_EQ(stage.Read().backends[0].latency_seconds, std::nullopt);
  EXPECT_EQ(stage.Read().backends[1].latency_seconds, std::nullopt);
}

}  // namespace
}  // namespace vllm_router::telemetry
