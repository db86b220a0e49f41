#include "server/control/compile.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/unit/config/proto_text.h"

namespace vllm_router::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

TEST(CompileSettings, FillsInTheDefaults) {
  const fleet::Settings settings = CompileSettings({});
  const fleet::Settings standard;
  EXPECT_EQ(settings.max_request_body_bytes, standard.max_request_body_bytes);
  EXPECT_EQ(settings.max_headers, standard.max_headers);
  EXPECT_EQ(settings.queue_timeout, standard.queue_timeout);
  EXPECT_EQ(settings.ejection_failures, standard.ejection_failures);
  EXPECT_EQ(settings.ejection_max, standard.ejection_max);
  EXPECT_FALSE(settings.allow_engine_control);
  EXPECT_EQ(settings.access_log, fleet::AccessLogFormat::kOff);
}

TEST(CompileSettings, TakesEveryField) {
  const fleet::Settings settings = CompileSettings(config::Proto<v1::Limits>(R"(
      max_request_body_bytes: 1 max_header_bytes: 2 max_headers: 3 max_concurrent_requests: 4
      max_queued_requests: 5 stream_buffer_bytes: 6 queue_timeout { seconds: 7 }
      client_header_timeout { seconds: 8 } client_body_timeout { seconds: 9 }
      client_idle_timeout { seconds: 10 } client_write_timeout { seconds: 11 }
      backend_pool_idle { nanos: 12000000 } allow_engine_control: true
      access_log { format: ACCESS_LOG_FORMAT_JSON probes: true }
      ejection { failures: 0 base { seconds: 14 } max { seconds: 15 } })"));
  EXPECT_EQ(settings.max_request_body_bytes, 1u);
  EXPECT_EQ(settings.max_header_bytes, 2u);
  EXPECT_EQ(settings.max_headers, 3u);
  EXPECT_EQ(settings.max_concurrent_requests, 4u);
  EXPECT_EQ(settings.max_queued_requests, 5u);
  EXPECT_EQ(settings.stream_buffer_bytes, 6u);
  EXPECT_EQ(settings.queue_timeout, seconds(7));
  EXPECT_EQ(settings.client_header_timeout, seconds(8));
  EXPECT_EQ(settings.client_body_timeout, seconds(9));
  EXPECT_EQ(settings.client_idle_timeout, seconds(10));
  EXPECT_EQ(settings.client_write_timeout, seconds(11));
  EXPECT_EQ(settings.backend_pool_idle, milliseconds(12));
  EXPECT_EQ(settings.ejection_failures, 0u) << "zero is no default";
  EXPECT_EQ(settings.ejection_base, seconds(14));
  EXPECT_EQ(settings.ejection_max, seconds(15));
  EXPECT_TRUE(settings.allow_engine_control);
  EXPECT_EQ(settings.access_log, fleet::AccessLogFormat::kJson);
  EXPECT_TRUE(settings.access_log_probes);
}

TEST(CompileProcessLimits, FillsInTheDefaults) {
  const ProcessLimits limits = CompileProcessLimits({}, 77);
  EXPECT_EQ(limits.max_connections, 77u);
  EXPECT_EQ(limits.drain_delay, seconds(5));
  EXPECT_EQ(limits.shutdown_grace, seconds(600));
  EXPECT_EQ(limits.log_level, base::LogLevel::kInfo);
  EXPECT_EQ(limits.engine_stats_interval, seconds(30));
  EXPECT_EQ(limits.log_format, base::LogFormat::kText);
  EXPECT_EQ(limits.request_stats_window, seconds(60));
  EXPECT_FALSE(limits.health_checks);
  EXPECT_EQ(limits.health_interval, seconds(60));
  EXPECT_EQ(limits.health_timeout, seconds(10));
}

TEST(CompileProcessLimits, TakesEveryField) {
  const ProcessLimits limits = CompileProcessLimits(config::Proto<v1::Limits>(R"(
      max_connections: 0 drain_delay {} shutdown_grace { seconds: 3 } log_level: LOG_LEVEL_TRACE
      log_format: LOG_FORMAT_JSON
      engine_stats_interval { seconds: 7 } request_stats_window { seconds: 4 }
      health_check { enabled: true interval { seconds: 5 } timeout { seconds: 6 } })"),
                                                    77);
  EXPECT_EQ(limits.max_connections, 0u) << "no limit is not the default";
  EXPECT_EQ(limits.drain_delay, seconds(0));
  EXPECT_EQ(limits.shutdown_grace, seconds(3));
  EXPECT_EQ(limits.log_level, base::LogLevel::kTrace);
  EXPECT_EQ(limits.engine_stats_interval, seconds(7));
  EXPECT_EQ(limits.log_format, base::LogFormat::kJson);
  EXPECT_EQ(limits.request_stats_window, seconds(4));
  EXPECT_TRUE(limits.health_checks);
  EXPECT_EQ(limits.health_interval, seconds(5));
  EXPECT_EQ(limits.health_timeout, seconds(6));
}

TEST(CompileProcessLimits, KnowsEveryLogLevel) {
  const auto level = [](v1::LogLevel level) {
    v1::Limits limits;
    limits.set_log_level(level);
    return CompileProcessLimits(limits, 0).log_level;
  };
  EXPECT_EQ(level(v1::LOG_LEVEL_UNSPECIFIED), base::LogLevel::kInfo);
  EXPECT_EQ(level(v1::LOG_LEVEL_CRITICAL), base::LogLevel::kCritical);
  EXPECT_EQ(level(v1::LOG_LEVEL_ERROR), base::LogLevel::kError);
  EXPECT_EQ(level(v1::LOG_LEVEL_WARNING), base::LogLevel::kWarning);
  EXPECT_EQ(level(v1::LOG_LEVEL_INFO), base::LogLevel::kInfo);
  EXPECT_EQ(level(v1::LOG_LEVEL_DEBUG), base::LogLevel::kDebug);
}

TEST(CompileSettings, KnowsEveryFormatOfTheAccessLog) {
  const auto format = [](v1::AccessLogFormat format) {
    v1::Limits limits;
    limits.mutable_access_log()->set_format(format);
    return CompileSettings(limits).access_log;
  };
  EXPECT_EQ(format(v1::ACCESS_LOG_FORMAT_UNSPECIFIED), fleet::AccessLogFormat::kOff);
  EXPECT_EQ(format(v1::ACCESS_LOG_FORMAT_OFF), fleet::AccessLogFormat::kOff);
  EXPECT_EQ(format(v1::ACCESS_LOG_FORMAT_TEXT), fleet::AccessLogFormat::kText);
  EXPECT_EQ(format(v1::ACCESS_LOG_FORMAT_JSON), fleet::AccessLogFormat::kJson);
}

TEST(CompileRoute, TakesEveryFieldAndSortsTheStatuses) {
  const fleet::RouteSettings route = CompileRoute(config::Proto<v1::RoutingPolicy>(R"(
      session {} session_key: "x-user"
      failover { max_attempts: 0 retry_budget_percent: 1 retry_budget_min: 2
                 retryable_status_codes: [ 503, 429, 500 ] }
      timeouts { connect { seconds: 3 } first_byte { seconds: 4 } stream_idle {} })"));
  EXPECT_EQ(route.logic, "session");
  EXPECT_EQ(route.session_key, "x-user");
  EXPECT_EQ(route.max_failover_attempts, 0u);
  EXPECT_EQ(route.retry_budget_percent, 1u);
  EXPECT_EQ(route.retry_budget_min, 2u);
  EXPECT_THAT(route.retryable_status_codes, ElementsAre(429, 500, 503));
  EXPECT_EQ(route.connect_timeout, seconds(3));
  EXPECT_EQ(route.first_byte_timeout, seconds(4));
  EXPECT_EQ(route.idle_timeout, seconds(0));
}

TEST(CompileRoute, FillsInTheDefaults) {
  const fleet::RouteSettings route = CompileRoute({});
  const fleet::RouteSettings standard;
  EXPECT_EQ(route.logic, "roundrobin");
  EXPECT_EQ(route.max_failover_attempts, standard.max_failover_attempts);
  EXPECT_EQ(route.retry_budget_percent, standard.retry_budget_percent);
  EXPECT_EQ(route.connect_timeout, standard.connect_timeout);
  EXPECT_EQ(route.idle_timeout, standard.idle_timeout);
}

TEST(CompileOwnRoutes, InheritWhatTheyDoNotSay) {
  const auto routes = CompileOwnRoutes(config::Proto<v1::Config>(R"(
      routing_policies { name: "routing" session {} session_key: "x-user"
                         failover { max_attempts: 7 } timeouts { connect { seconds: 9 } } }
      routing_policies { name: "routing/org/m" failover { retry_budget_min: 5 }
                         timeouts { first_byte { seconds: 4 } } }
      routing_policies { name: "routing/n" round_robin {} })"));
  ASSERT_EQ(routes.size(), 2u);
  const fleet::RouteSettings& m = routes.at("org/m");
  EXPECT_EQ(m.logic, "session");
  EXPECT_EQ(m.session_key, "x-user");
  EXPECT_EQ(m.max_failover_attempts, 7u);
  EXPECT_EQ(m.retry_budget_min, 5u);
  EXPECT_EQ(m.connect_timeout, seconds(9));
  EXPECT_EQ(m.first_byte_timeout, seconds(4));
  EXPECT_EQ(routes.at("n").logic, "roundrobin");
}

TEST(CompileAliases, AddsUpTheWeights) {
  const auto aliases = CompileAliases(config::Proto<v1::Config>(R"(
      model_aliases { name: "aliases/a/b" targets { model: "m" }
                      targets { model: "n" weight: 0 } targets { model: "o" weight: 9 } })"));
  ASSERT_EQ(aliases.count("a/b"), 1u);
  const auto& targets = aliases.at("a/b").targets;
  ASSERT_EQ(targets.size(), 3u);
  EXPECT_EQ(targets[0].model, "m");
  EXPECT_EQ(targets[0].until, 1u) << "one is the default";
  EXPECT_EQ(targets[1].until, 1u) << "zero gives it none";
  EXPECT_EQ(targets[2].until, 10u);
}

TEST(CompileBackend, TakesEveryField) {
  const fleet::BackendSpec spec = CompileBackend(config::Proto<v1::Backend>(R"(
      name: "backends/b1" url: "http://h:8000" label: "prefill"
      models { model: "m" } models { model: "n" alias: "nn" }
      model_type: MODEL_TYPE_EMBEDDINGS on_client_gone: ON_CLIENT_GONE_DRAIN
      admin_state: ADMIN_STATE_DISABLED)"));
  EXPECT_EQ(spec.id, "b1");
  EXPECT_EQ(spec.url.host, "h");
  EXPECT_EQ(spec.url.port, 8000);
  EXPECT_THAT(spec.models, ElementsAre("m", "n"));
  ASSERT_EQ(spec.aliases.size(), 1u);
  EXPECT_EQ(spec.aliases[0].alias, "nn");
  EXPECT_EQ(spec.aliases[0].model, "n");
  EXPECT_EQ(spec.model_type, "embeddings");
  EXPECT_EQ(spec.label, "prefill");
  EXPECT_EQ(spec.on_client_gone, fleet::OnClientGone::kDrain);
  EXPECT_EQ(spec.admin_state, fleet::AdminState::kDisabled);
}

TEST(CompileBackend, FillsInTheDefaults) {
  const fleet::BackendSpec spec =
      CompileBackend(config::Proto<v1::Backend>(R"(name: "backends/b" url: "http://h")"));
  EXPECT_EQ(spec.model_type, "chat");
  EXPECT_EQ(spec.label, "default");
  EXPECT_EQ(spec.on_client_gone, fleet::OnClientGone::kAbort);
  EXPECT_EQ(spec.admin_state, fleet::AdminState::kActive);
}

TEST(ModelTypes, AreTheSameInBothDirections) {
  const auto* types = v1::ModelType_descriptor();
  for (int i = 0; i < types->value_count(); ++i) {
    const auto type = static_cast<v1::ModelType>(types->value(i)->number());
    if (type == v1::MODEL_TYPE_UNSPECIFIED) continue;
    EXPECT_EQ(ParseModelType(ModelTypeName(type)), type) << types->value(i)->name();
  }
  EXPECT_EQ(ParseModelType("no-such-type"), v1::MODEL_TYPE_UNSPECIFIED);
  EXPECT_EQ(ModelTypeName(v1::MODEL_TYPE_UNSPECIFIED), "chat");
}

TEST(Durations, AreTheSameInBothDirections) {
  for (const base::Duration time : {base::Duration(0), base::Duration(1), base::Duration(-1),
                                    base::Duration(seconds(86400)) + base::Duration(999999999)}) {
    EXPECT_EQ(ToDuration(FromDuration(time)), time);
  }
}

}  // namespace
}  // namespace vllm_router::control
