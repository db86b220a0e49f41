#include "server/app/seed.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>

#include "server/app/overruled_flags.h"
#include "server/config/whole.h"
#include "server/control/compile.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/app/parse.h"

namespace vllm_router::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::Config SeedOf(const StartRouter& start) {
  v1::Revision meta;
  meta.set_generation(1);
  auto seed = SeedConfig(start.config, v1::BACKEND_SOURCE_FLAG, meta);
  EXPECT_THAT(seed, test_support::IsOk());
  return seed.ok() ? *std::move(seed) : v1::Config();
}

// A flag with a value that is not its default.
struct Setting {
  std::string flag;
  std::string value;
};
class EveryFlagThatSeeds : public testing::TestWithParam<Setting> {};

TEST_P(EveryFlagThatSeeds, IsInTheConfigurationAndComesBackOutOfIt) {
  const auto& [flag, value] = GetParam();
  Args more = {"--" + flag + "=" + value};  // as a switch can be given, too
  if (flag == "routing-logic") more.insert(more.end(), {"--session-key", "x-user-id"});
  if (flag == "max-queued-requests") more.insert(more.end(), {"--max-concurrent-requests", "9"});
  const StartRouter start = StartOf(MinimalAnd(more));
  ASSERT_THAT(start.warnings, testing::Not(testing::Contains(testing::StartsWith("error:"))));
  const v1::Config seed = SeedOf(start);
  const v1::Config standard = SeedOf(StartOf(Minimal()));

  // What the flag says is what the router would do.
  const fleet::Settings settings = control::CompileSettings(seed.limits());
  const fleet::Settings& wanted = start.config.settings;
  EXPECT_EQ(settings.max_request_body_bytes, wanted.max_request_body_bytes);
  EXPECT_EQ(settings.max_header_bytes, wanted.max_header_bytes);
  EXPECT_EQ(settings.max_headers, wanted.max_headers);
  EXPECT_EQ(settings.max_concurrent_requests, wanted.max_concurrent_requests);
  EXPECT_EQ(settings.max_queued_requests, wanted.max_queued_requests);
  EXPECT_EQ(settings.queue_timeout, wanted.queue_timeout);
  EXPECT_EQ(settings.client_header_timeout, wanted.client_header_timeout);
  EXPECT_EQ(settings.client_body_timeout, wanted.client_body_timeout);
  EXPECT_EQ(settings.client_idle_timeout, wanted.client_idle_timeout);
  EXPECT_EQ(settings.client_write_timeout, wanted.client_write_timeout);
  EXPECT_EQ(settings.backend_pool_idle, wanted.backend_pool_idle);
  EXPECT_EQ(settings.ejection_failures, wanted.ejection_failures);
  EXPECT_EQ(settings.ejection_base, wanted.ejection_base);
  EXPECT_EQ(settings.ejection_max, wanted.ejection_max);
  EXPECT_EQ(settings.stream_buffer_bytes, wanted.stream_buffer_bytes);
  const fleet::RouteSettings route = control::CompileRoute(config::EffectivePolicy(seed, ""));
  EXPECT_EQ(route.logic, start.config.route.logic);
  EXPECT_EQ(route.session_key, start.config.route.session_key);
  EXPECT_EQ(route.max_failover_attempts, start.config.route.max_failover_attempts);
  EXPECT_EQ(route.retry_budget_percent, start.config.route.retry_budget_percent);
  EXPECT_EQ(route.connect_timeout, start.config.route.connect_timeout);
  EXPECT_EQ(route.first_byte_timeout, start.config.route.first_byte_timeout);
  EXPECT_EQ(route.idle_timeout, start.config.route.idle_timeout);
  const control::ProcessLimits process = control::CompileProcessLimits(seed.limits(), 0);
  EXPECT_EQ(process.drain_delay, start.config.drain_delay);
  EXPECT_EQ(process.shutdown_grace, start.config.shutdown_grace);
  EXPECT_EQ(process.log_level, start.config.log.level);
  EXPECT_EQ(process.log_format, start.config.log.format);
  EXPECT_EQ(settings.access_log, wanted.access_log);
  EXPECT_EQ(settings.access_log_probes, wanted.access_log_probes);
  EXPECT_EQ(process.request_stats_window, start.config.request_stats_window);
  EXPECT_EQ(process.health_interval, start.config.health_checks.interval);
  EXPECT_EQ(process.health_timeout, start.config.health_checks.timeout);

  // A configuration without it is said to overrule the flag, and only that one.
  EXPECT_THAT(OverruledFlags(start.values, seed, seed), IsEmpty());
  EXPECT_THAT(OverruledFlags(start.values, seed, standard), testing::Contains("--" + flag));
}

INSTANTIATE_TEST_SUITE_P(
    Seed, EveryFlagThatSeeds,
    testing::Values(
        Setting{"max-headers", "40"}, Setting{"max-header-bytes", "20000"},
        Setting{"max-request-body-bytes", "1000"}, Setting{"max-connections", "5"},
        Setting{"max-concurrent-requests", "6"}, Setting{"max-queued-requests", "7"},
        Setting{"queue-timeout-seconds", "8"}, Setting{"client-header-timeout-seconds", "9"},
        Setting{"client-body-timeout-seconds", "10"}, Setting{"client-idle-timeout-seconds", "11"},
        Setting{"client-write-timeout-seconds", "12"}, Setting{"backend-pool-idle-seconds", "1"},
        Setting{"ejection-failures", "0"}, Setting{"ejection-base-seconds", "2"},
        Setting{"ejection-max-seconds", "40"}, Setting{"stream-buffer-bytes", "100000"},
        Setting{"drain-delay-seconds", "0"}, Setting{"shutdown-grace-seconds", "3"},
        Setting{"request-stats-window", "30"}, Setting{"static-backend-health-check-interval", "7"},
        Setting{"static-backend-health-check-timeout-seconds", "3"}, Setting{"log-level", "debug"},
        Setting{"log-format", "json"}, Setting{"access-log", "json"},
        Setting{"access-log-probes", "true"}, Setting{"retry-budget-percent", "0"},
        Setting{"max-instance-failover-reroute-attempts", "0"},
        Setting{"backend-connect-timeout-seconds", "1"},
        Setting{"backend-first-byte-timeout-seconds", "20"},
        Setting{"backend-idle-timeout-seconds", "30"}, Setting{"static-aliases", "gpt:llama"},
        Setting{"routing-logic", "session"}, Setting{"callbacks", "127.0.0.1:9000"}),
    [](const auto& info) {
      std::string name = info.param.flag;
      for (char& c : name) c = c == '-' ? '_' : c;
      return name;
    });

TEST(SeedConfig, LeavesOutWhatStandsAtItsDefault) {
  const v1::Config seed = SeedOf(StartOf(Minimal()));
  EXPECT_EQ(seed.generation(), 1u);
  EXPECT_FALSE(seed.limits().has_max_headers());
  EXPECT_FALSE(seed.limits().has_ejection());
  EXPECT_NE(seed.limits().etag(), "") << "it can be guarded all the same";
  ASSERT_EQ(seed.backends_size(), 1);
  EXPECT_EQ(seed.backends(0).source(), v1::BACKEND_SOURCE_FLAG);
}

// A configuration, changed as an operator and then as a file would.
TEST(SeedConfig, CallsAServiceWithTheDefaultsOfTheAdminApi) {
  const v1::Config seed = SeedOf(StartOf(MinimalAnd({"--callbacks", "unix:/run/guard.sock"})));
  ASSERT_EQ(seed.callbacks_size(), 1);
  v1::Callback callback = seed.callbacks(0);
  callback.clear_etag();
  callback.clear_generation();
  callback.clear_create_time();
  callback.clear_update_time();
  v1::Callback expected;
  expected.set_name("callbacks/flag");
  expected.set_target("unix:/run/guard.sock");
  expected.add_hook_points(v1::HOOK_POINT_PRE_REQUEST);
  expected.add_hook_points(v1::HOOK_POINT_POST_REQUEST);
  EXPECT_EQ(callback.DebugString(), expected.DebugString());
  EXPECT_FALSE(seed.limits().has_callback_budget());
}

TEST(SeedConfig, GivesAHandlerItsTime) {
  const StartRouter start = StartOf(MinimalAnd({"--callbacks", "a.b"}));
  EXPECT_EQ(SeedOf(start).callbacks_size(), 0) << "what is called says the host";
  v1::Callback handler;
  handler.set_name("callbacks/flag");
  handler.set_target("unix:/run/host.sock");
  handler.add_hook_points(v1::HOOK_POINT_PRE_REQUEST);
  handler.mutable_pre_deadline()->set_seconds(60);
  v1::Revision meta;
  meta.set_generation(1);
  const auto seed = SeedConfig(start.config, v1::BACKEND_SOURCE_FLAG, meta, handler);
  ASSERT_THAT(seed, test_support::IsOk());
  ASSERT_EQ(seed->callbacks_size(), 1);
  EXPECT_EQ(seed->callbacks(0).target(), "unix:/run/host.sock");
  EXPECT_EQ(seed->limits().callback_budget().seconds(), 60);

  // What was kept says something else: other hooks count, other settings do not.
  v1::Config kept = *seed;
  kept.mutable_callbacks(0)->set_order(5);
  EXPECT_THAT(OverruledFlags(start.values, *seed, kept), IsEmpty());
  kept.mutable_callbacks(0)->set_hook_points(0, v1::HOOK_POINT_POST_REQUEST);
  EXPECT_THAT(OverruledFlags(start.values, *seed, kept), ElementsAre("--callbacks"));
  kept.clear_callbacks();
  EXPECT_THAT(OverruledFlags(start.values, *seed, kept), ElementsAre("--callbacks"));
}

class EditBetweenTest : public testing::Test {
 protected:
  static Args Backends(const std::string& urls, const std::string& models, Args more = {}) {
    Args args = {"--service-discovery", "static", "--routing-logic", "roundrobin",
                 "--static-backends",   urls,     "--static-models", models};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  void Start(const Args& args) {
    before_ = StartOf(args).config;
    v1::Revision meta;
    meta.set_generation(1);
    auto seed = SeedConfig(before_, v1::BACKEND_SOURCE_FILE, meta);
    ASSERT_THAT(seed, test_support::IsOk());
    config_ = *std::move(seed);
  }
  template <typename Edit>
  void Do(Edit edit, v1::BackendSource source = v1::BACKEND_SOURCE_ADMIN) {
    config::Draft draft(std::make_shared<const config::Document>(config_), {},
                        {.generation = config_.generation() + 1,
                         .now = {},
                         .etag = "e" + std::to_string(config_.generation() + 1),
                         .source = source});
    edit(draft);
    auto change = draft.Finish();
    ASSERT_TRUE(change.ok()) << change.failure().message;
    const uint64_t next = config_.generation() + 1;
    touched_.clear();
    for (const auto& resource : change->diff.resources()) touched_.push_back(resource.name());
    config_ = change->config();
    config_.set_generation(next);
  }
  void Admin(const v1::ConfigMutation& mutation) {
    Do([&](config::Draft& draft) { draft.Apply(mutation, ""); });
  }
  void Reload(const Args& args) {
    const Config after = StartOf(args).config;
    Do(EditBetween(before_, after, v1::BACKEND_SOURCE_FILE), v1::BACKEND_SOURCE_FILE);
    before_ = after;
  }

  Config before_;
  v1::Config config_;
  std::vector<std::string> touched_;
};

TEST_F(EditBetweenTest, TouchesOnlyWhatDiffers) {
  Start(Backends("http://a:1", "m", {"--max-headers", "40"}));
  v1::ConfigMutation limits;
  limits.mutable_update_limits()->set_max_headers(60);
  limits.mutable_update_limits()->set_max_header_bytes(20000);
  limits.mutable_update_mask()->add_paths("max_headers");
  limits.mutable_update_mask()->add_paths("max_header_bytes");
  Admin(limits);
  Reload(Backends("http://a:1", "m", {"--max-headers", "40", "--queue-timeout-seconds", "9"}));
  EXPECT_THAT(touched_, ElementsAre("limits"));
  EXPECT_EQ(config_.limits().max_headers(), 60u) << "the file says what it said before";
  EXPECT_EQ(config_.limits().max_header_bytes(), 20000u);
  EXPECT_EQ(config_.limits().queue_timeout().seconds(), 9);
  Reload(Backends("http://a:1", "m", {"--max-headers", "50"}));
  EXPECT_EQ(config_.limits().max_headers(), 50u);
  EXPECT_FALSE(config_.limits().has_queue_timeout()) << "back at its default";
}

TEST_F(EditBetweenTest, DeclaresTheBackendsOfItsSource) {
  Start(Backends("http://a:1,http://b:1", "m,m"));
  const std::string b = config_.backends(1).name();
  v1::ConfigMutation mine;
  mine.mutable_upsert_backend()->set_name("backends/mine");
  mine.mutable_upsert_backend()->set_url("http://c:1");
  mine.mutable_upsert_backend()->add_models()->set_model("m");
  Admin(mine);
  v1::ConfigMutation label;
  label.mutable_upsert_backend()->set_name(b);
  label.mutable_upsert_backend()->set_label("mine");
  label.mutable_update_mask()->add_paths("label");
  Admin(label);
  Reload(Backends("http://b:1,http://d:1", "n,m"));
  ASSERT_EQ(config_.backends_size(), 3);
  EXPECT_EQ(config_.backends(0).name(), b);
  EXPECT_EQ(config_.backends(0).models(0).model(), "n");
  EXPECT_EQ(config_.backends(0).label(), "mine") << "discovery does not know labels";
  EXPECT_EQ(config_.backends(1).source(), v1::BACKEND_SOURCE_ADMIN);
  EXPECT_EQ(config_.backends(2).url(), "http://d:1");
  EXPECT_EQ(config_.backends(2).source(), v1::BACKEND_SOURCE_FILE);
}

TEST_F(EditBetweenTest, AddsAndRemovesItsAliases) {
  Start(Backends("http://a:1", "m", {"--static-aliases", "one:m"}));
  v1::ConfigMutation mine;
  mine.mutable_upsert_model_alias()->set_name("aliases/mine");
  mine.mutable_upsert_model_alias()->add_targets()->set_model("m");
  Admin(mine);
  Reload(Backends("http://a:1", "m", {"--static-aliases", "two:m"}));
  std::vector<std::string> names;
  for (const v1::ModelAlias& alias : config_.model_aliases()) names.push_back(alias.name());
  EXPECT_THAT(names, testing::UnorderedElementsAre("aliases/mine", "aliases/two"));
}

TEST_F(EditBetweenTest, MovesItsCallbackAndLeavesTheRestOfIt) {
  Start(Backends("http://a:1", "m"));
  Reload(Backends("http://a:1", "m", {"--callbacks", "127.0.0.1:9000"}));
  EXPECT_THAT(touched_, ElementsAre("callbacks/flag"));
  v1::ConfigMutation mine;
  mine.mutable_upsert_callback()->set_name("callbacks/flag");
  mine.mutable_upsert_callback()->set_failure_mode(v1::FAILURE_MODE_FAIL_CLOSED);
  mine.mutable_update_mask()->add_paths("failure_mode");
  Admin(mine);
  Reload(Backends("http://a:1", "m", {"--callbacks", "127.0.0.1:9001"}));
  ASSERT_EQ(config_.callbacks_size(), 1);
  EXPECT_EQ(config_.callbacks(0).target(), "127.0.0.1:9001");
  EXPECT_EQ(config_.callbacks(0).failure_mode(), v1::FAILURE_MODE_FAIL_CLOSED);
  Reload(Backends("http://a:1", "m"));
  EXPECT_THAT(touched_, ElementsAre("callbacks/flag"));
  EXPECT_EQ(config_.callbacks_size(), 0);
}

TEST_F(EditBetweenTest, BringsItsCallbackBack) {
  Start(Backends("http://a:1", "m", {"--callbacks", "127.0.0.1:9000"}));
  v1::ConfigMutation gone;
  gone.mutable_delete_callback()->set_name("callbacks/flag");
  Admin(gone);
  Reload(Backends("http://a:1", "m", {"--callbacks", "127.0.0.1:9000", "--max-headers", "50"}));
  EXPECT_EQ(config_.callbacks_size(), 0) << "the file says what it said before";
  Reload(Backends("http://a:1", "m", {"--callbacks", "127.0.0.1:9001"}));
  ASSERT_EQ(config_.callbacks_size(), 1);
  EXPECT_EQ(config_.callbacks(0).hook_points_size(), 2);
}

TEST_F(EditBetweenTest, TellsWhatIsEmptyFromWhatIsNotThere) {
  Start(Backends("http://a:1", "m"));
  Args session = Backends("http://a:1", "m", {"--drain-delay-seconds", "0", "--session-key", "k"});
  session[3] = "session";
  Reload(session);
  EXPECT_TRUE(config_.routing_policies(0).has_session());
  EXPECT_TRUE(config_.limits().has_drain_delay());
  EXPECT_EQ(config_.limits().drain_delay().seconds(), 0);
  Reload(Backends("http://a:1", "m"));
  EXPECT_TRUE(config_.routing_policies(0).has_round_robin());
  EXPECT_FALSE(config_.limits().has_drain_delay());
}

TEST_F(EditBetweenTest, TheSameTextChangesNothing) {
  const Args args = Backends("http://a:1", "m", {"--static-aliases", "one:m"});
  Start(args);
  Reload(args);
  EXPECT_THAT(touched_, IsEmpty());
}

}  // namespace
}  // namespace vllm_router::app
