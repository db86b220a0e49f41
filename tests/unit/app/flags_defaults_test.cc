// The defaults that the documentation promises, read where they arrive.
#include <gtest/gtest.h>

#include "tests/unit/app/parse.h"

namespace vllm_router::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Defaults, OfTheOriginal) {
  const Config config = StartOf(Minimal()).config;
  EXPECT_EQ(config.host, "0.0.0.0");
  EXPECT_EQ(config.port, 8001);
  EXPECT_EQ(config.root_path, "");
  EXPECT_EQ(config.route.session_key, "");
  EXPECT_EQ(config.k8s.port, 8000);
  EXPECT_EQ(config.k8s.namespace_name, "default");
  EXPECT_EQ(config.k8s.label_selector, "");
  EXPECT_EQ(config.k8s.discovery_type, "pod-ip");
  EXPECT_EQ(config.k8s.watcher_timeout, seconds(0));
  EXPECT_EQ(config.k8s.health_check_timeout, seconds(10));
  EXPECT_FALSE(config.health_checks.enabled);
  EXPECT_EQ(config.health_checks.interval, seconds(60));
  EXPECT_EQ(config.health_checks.timeout, seconds(10));
  EXPECT_EQ(config.engine_stats_interval, seconds(30));
  EXPECT_EQ(config.request_stats_window, seconds(60));
  EXPECT_FALSE(config.log.stats);
  EXPECT_EQ(config.log.level, base::LogLevel::kInfo);
  EXPECT_EQ(config.log.format, base::LogFormat::kText);
}

TEST(Defaults, OfOurs) {
  const Config config = StartOf(Minimal()).config;
  const fleet::Settings& settings = config.settings;
  EXPECT_EQ(config.shards, 0u);
  EXPECT_EQ(config.max_connections, 0u);
  EXPECT_EQ(config.drain_delay, seconds(5));
  EXPECT_EQ(config.shutdown_grace, seconds(600));
  EXPECT_EQ(config.on_client_gone, fleet::OnClientGone::kAbort);
  EXPECT_EQ(config.log.stats_interval, seconds(30));
  EXPECT_EQ(config.tls.cert + config.tls.key + config.tls.client_ca, "");
  EXPECT_EQ(config.backend_tls_ca + config.api_keys_file, "");
  EXPECT_EQ(config.admin.address, "127.0.0.1:50051");
  EXPECT_FALSE(config.admin.insecure);
  EXPECT_FALSE(config.admin.reset_state);
  EXPECT_EQ(config.admin.state_dir + config.admin.audit_log + config.admin.tokens_file, "");

  EXPECT_EQ(settings.max_request_body_bytes, 67108864u);
  EXPECT_EQ(settings.max_header_bytes, 32768u);
  EXPECT_EQ(settings.max_headers, 100u);
  EXPECT_EQ(settings.max_concurrent_requests, 0u);
  EXPECT_EQ(settings.max_queued_requests, 0u);
  EXPECT_EQ(settings.queue_timeout, seconds(30));
  EXPECT_EQ(settings.client_header_timeout, seconds(15));
  EXPECT_EQ(settings.client_body_timeout, seconds(30));
  EXPECT_EQ(settings.client_idle_timeout, seconds(75));
  EXPECT_EQ(settings.client_write_timeout, seconds(60));
  EXPECT_EQ(config.route.connect_timeout, seconds(5));
  EXPECT_EQ(config.route.first_byte_timeout, seconds(0));
  EXPECT_EQ(config.route.idle_timeout, seconds(600));
  EXPECT_EQ(settings.backend_pool_idle, seconds(4));
  EXPECT_EQ(config.route.max_failover_attempts, 2u);
  EXPECT_EQ(config.route.retry_budget_percent, 20u);
  EXPECT_EQ(settings.ejection_failures, 5u);
  EXPECT_EQ(settings.ejection_base, seconds(1));
  EXPECT_EQ(settings.ejection_max, seconds(30));
  EXPECT_EQ(settings.stream_buffer_bytes, 262144u);
  EXPECT_FALSE(settings.allow_engine_control);
  EXPECT_EQ(settings.access_log, fleet::AccessLogFormat::kOff);
  EXPECT_FALSE(settings.access_log_probes);
  EXPECT_EQ(config.log.access_file, "");
}

// The structs state the defaults too, for tests and tools that build them by hand.
TEST(Defaults, AreThoseOfTheStructs) {
  const Config parsed = StartOf(Minimal()).config;
  const Config built;
  EXPECT_EQ(parsed.host, built.host);
  EXPECT_EQ(parsed.port, built.port);
  EXPECT_EQ(parsed.shards, built.shards);
  EXPECT_EQ(parsed.drain_delay, built.drain_delay);
  EXPECT_EQ(parsed.shutdown_grace, built.shutdown_grace);
  EXPECT_EQ(parsed.engine_stats_interval, built.engine_stats_interval);
  EXPECT_EQ(parsed.request_stats_window, built.request_stats_window);
  EXPECT_EQ(parsed.log.stats_interval, built.log.stats_interval);
  EXPECT_EQ(parsed.health_checks.interval, built.health_checks.interval);
  EXPECT_EQ(parsed.health_checks.timeout, built.health_checks.timeout);
  EXPECT_EQ(parsed.k8s.port, built.k8s.port);
  EXPECT_EQ(parsed.k8s.health_check_timeout, built.k8s.health_check_timeout);
  EXPECT_EQ(parsed.admin.address, built.admin.address);

  const fleet::Settings& a = parsed.settings;
  const fleet::Settings b;
  EXPECT_EQ(a.max_request_body_bytes, b.max_request_body_bytes);
  EXPECT_EQ(a.max_header_bytes, b.max_header_bytes);
  EXPECT_EQ(a.max_headers, b.max_headers);
  EXPECT_EQ(a.queue_timeout, b.queue_timeout);
  EXPECT_EQ(a.client_header_timeout, b.client_header_timeout);
  EXPECT_EQ(a.client_body_timeout, b.client_body_timeout);
  EXPECT_EQ(a.client_idle_timeout, b.client_idle_timeout);
  EXPECT_EQ(a.client_write_timeout, b.client_write_timeout);
  EXPECT_EQ(a.backend_pool_idle, b.backend_pool_idle);
  EXPECT_EQ(a.ejection_failures, b.ejection_failures);
  EXPECT_EQ(a.ejection_base, b.ejection_base);
  EXPECT_EQ(a.ejection_max, b.ejection_max);
  EXPECT_EQ(a.stream_buffer_bytes, b.stream_buffer_bytes);

  const fleet::RouteSettings& route = parsed.route;
  const fleet::RouteSettings standard;
  EXPECT_EQ(route.connect_timeout, standard.connect_timeout);
  EXPECT_EQ(route.first_byte_timeout, standard.first_byte_timeout);
  EXPECT_EQ(route.idle_timeout, standard.idle_timeout);
  EXPECT_EQ(route.max_failover_attempts, standard.max_failover_attempts);
  EXPECT_EQ(route.retry_budget_percent, standard.retry_budget_percent);
  EXPECT_EQ(route.retry_budget_min, standard.retry_budget_min);
}

// Every flag of ours that ends in a setting reaches its own field and no other.
TEST(Settings, TakeEachTimeoutFromItsOwnFlag) {
  const Config config =
      StartOf(MinimalAnd(
                  {"--client-header-timeout-seconds=1.1", "--client-body-timeout-seconds=1.2",
                   "--client-idle-timeout-seconds=1.3", "--client-write-timeout-seconds=1.4",
                   "--backend-connect-timeout-seconds=1.5",
                   "--backend-first-byte-timeout-seconds=1.6", "--backend-idle-timeout-seconds=1.7",
                   "--backend-pool-idle-seconds=1.8", "--queue-timeout-seconds=1.9",
                   "--drain-delay-seconds=2.1", "--shutdown-grace-seconds=2.2",
                   "--ejection-base-seconds=2.3", "--ejection-max-seconds=2.4"}))
          .config;
  const auto rounded = [](base::Duration d) { return std::chrono::round<milliseconds>(d); };
  const fleet::Settings& settings = config.settings;
  EXPECT_EQ(rounded(settings.client_header_timeout), milliseconds(1100));
  EXPECT_EQ(rounded(settings.client_body_timeout), milliseconds(1200));
  EXPECT_EQ(rounded(settings.client_idle_timeout), milliseconds(1300));
  EXPECT_EQ(rounded(settings.client_write_timeout), milliseconds(1400));
  EXPECT_EQ(rounded(config.route.connect_timeout), milliseconds(1500));
  EXPECT_EQ(rounded(config.route.first_byte_timeout), milliseconds(1600));
  EXPECT_EQ(rounded(config.route.idle_timeout), milliseconds(1700));
  EXPECT_EQ(rounded(settings.backend_pool_idle), milliseconds(1800));
  EXPECT_EQ(rounded(settings.queue_timeout), milliseconds(1900));
  EXPECT_EQ(rounded(config.drain_delay), milliseconds(2100));
  EXPECT_EQ(rounded(config.shutdown_grace), milliseconds(2200));
  EXPECT_EQ(rounded(settings.ejection_base), milliseconds(2300));
  EXPECT_EQ(rounded(settings.ejection_max), milliseconds(2400));
}

TEST(Settings, TakeEachCountFromItsOwnFlag) {
  const Config config =
      StartOf(MinimalAnd({"--max-request-body-bytes=2001", "--max-header-bytes=2002",
                          "--max-headers=203", "--max-concurrent-requests=2004",
                          "--max-queued-requests=2005", "--stream-buffer-bytes=8006",
                          "--max-instance-failover-reroute-attempts=7", "--retry-budget-percent=8",
                          "--ejection-failures=9"}))
          .config;
  const fleet::Settings& settings = config.settings;
  EXPECT_EQ(settings.max_request_body_bytes, 2001u);
  EXPECT_EQ(settings.max_header_bytes, 2002u);
  EXPECT_EQ(settings.max_headers, 203u);
  EXPECT_EQ(settings.max_concurrent_requests, 2004u);
  EXPECT_EQ(settings.max_queued_requests, 2005u);
  EXPECT_EQ(settings.stream_buffer_bytes, 8006u);
  EXPECT_EQ(config.route.max_failover_attempts, 7u);
  EXPECT_EQ(config.route.retry_budget_percent, 8u);
  EXPECT_EQ(settings.ejection_failures, 9u);
}

}  // namespace
}  // namespace vllm_router::app
