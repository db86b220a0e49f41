// Spelling, values, and what the command line refuses.
#include "server/app/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/unit/app/parse.h"

namespace vllm_router::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(CommandLine, TakesTheExampleOfTheDocumentation) {
  const StartRouter start = StartOf(
      {"--port", "8000", "--service-discovery", "static", "--static-backends",
       "http://localhost:9001,http://localhost:9002,http://localhost:9003", "--static-models",
       "facebook/opt-125m,meta-llama/Llama-3.1-8B-Instruct,facebook/opt-125m",
       "--engine-stats-interval", "10", "--log-stats", "--routing-logic", "roundrobin"});
  EXPECT_THAT(start.warnings, IsEmpty());
  const Config& config = start.config;
  EXPECT_EQ(config.port, 8000);
  EXPECT_EQ(config.discovery, DiscoveryKind::kStatic);
  ASSERT_EQ(config.static_options.backends.size(), 3u);
  EXPECT_EQ(config.static_options.backends[0].url.text, "http://localhost:9001");
  EXPECT_EQ(config.static_options.backends[1].url.port, 9002);
  EXPECT_EQ(config.static_options.backends[1].model, "meta-llama/Llama-3.1-8B-Instruct");
  EXPECT_EQ(config.static_options.backends[2].model, "facebook/opt-125m");
  EXPECT_EQ(config.engine_stats_interval, std::chrono::seconds(10));
  EXPECT_TRUE(config.log.stats);
  EXPECT_EQ(config.route.logic, "roundrobin");
}

struct Spelling {
  const char* flag;
  const char* value;
  bool (*holds)(const Config&);
};

class DocumentedFlag : public ::testing::TestWithParam<Spelling> {};

TEST_P(DocumentedFlag, IsTakenInEverySpelling) {
  const auto& [flag, value, holds] = GetParam();
  std::string underscored(flag);
  for (size_t i = 2; i < underscored.size(); ++i) {
    if (underscored[i] == '-') underscored[i] = '_';
  }
  for (const std::string& name : {std::string(flag), underscored}) {
    for (const Args& given : {Args{name, value}, Args{name + "=" + value}}) {
      // The session key is what --routing-logic session asks for.
      Args args = {"--session-key", "x-default"};
      args.insert(args.end(), given.begin(), given.end());
      const StartRouter start = StartOf(MinimalAnd(args));
      EXPECT_TRUE(holds(start.config))
          << ::testing::PrintToString(given) << " " << ::testing::PrintToString(start.warnings);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    CommandLine, DocumentedFlag,
    ::testing::Values(
        Spelling{"--host", "127.0.0.2", [](const Config& c) { return c.host == "127.0.0.2"; }},
        Spelling{"--port", "0", [](const Config& c) { return c.port == 0; }},
        Spelling{"--service-discovery", "static",
                 [](const Config& c) {
                   return c.discovery == DiscoveryKind::kStatic &&
                          c.static_options.backends.size() == 1;
                 }},
        Spelling{"--static-backends", "https://node1/base",
                 [](const Config& c) {
                   return c.static_options.backends.at(0).url.text == "https://node1/base";
                 }},
        Spelling{"--static-models", "qwen",
                 [](const Config& c) { return c.static_options.backends.at(0).model == "qwen"; }},
        Spelling{"--k8s-port", "8123", [](const Config& c) { return c.k8s.port == 8123; }},
        Spelling{"--k8s-namespace", "prod",
                 [](const Config& c) { return c.k8s.namespace_name == "prod"; }},
        Spelling{"--k8s-label-selector", "a=b,c=d",
                 [](const Config& c) { return c.k8s.label_selector == "a=b,c=d"; }},
        Spelling{"--routing-logic", "session",
                 [](const Config& c) { return c.route.logic == "session"; }},
        Spelling{"--session-key", "x-user-id",
                 [](const Config& c) { return c.route.session_key == "x-user-id"; }},
        Spelling{"--engine-stats-interval", "0.5",
                 [](const Config& c) {
                   return c.engine_stats_interval == std::chrono::milliseconds(500);
                 }},
        Spelling{
            "--request-stats-window", "90",
            [](const Config& c) { return c.request_stats_window == std::chrono::seconds(90); }}),
    [](const auto& info) {
      std::string name;
      for (const char c : std::string(info.param.flag)) {
        if (c != '-') name += c;
      }
      return name;
    });

TEST(CommandLine, TakesSwitchesWithAndWithoutAValue) {
  EXPECT_TRUE(StartOf(MinimalAnd({"--log-stats"})).config.log.stats);
  EXPECT_TRUE(StartOf(MinimalAnd({"--log_stats=true"})).config.log.stats);
  const StartRouter off = StartOf(MinimalAnd({"--log-stats=false"}));
  EXPECT_FALSE(off.config.log.stats);
  EXPECT_THAT(off.warnings, IsEmpty());
  EXPECT_EQ(ErrorOf(MinimalAnd({"--log-stats=maybe"})),
            "--log-stats 'maybe' is not allowed: choose true or false");
}

TEST(CommandLine, ShowsHelpAndVersionWithoutTheRequiredFlags) {
  for (const char* flag : {"-h", "--help", "--he"}) {
    EXPECT_TRUE(std::holds_alternative<ShowHelp>(Parse({flag}).value())) << flag;
  }
  for (const char* flag : {"--version", "--v"}) {
    EXPECT_TRUE(std::holds_alternative<ShowVersion>(Parse({flag}).value())) << flag;
  }
}

TEST(CommandLine, StartsFromTheDefaultsEachTime) {
  ASSERT_EQ(StartOf(MinimalAnd({"--port", "9", "--enable-engine-control"})).config.port, 9);
  const Config again = StartOf(Minimal()).config;
  EXPECT_EQ(again.port, 8001);
  EXPECT_FALSE(again.settings.allow_engine_control);
  // Also after an error half-way.
  ASSERT_THAT(ErrorOf({"--port", "9", "--nonsense"}), HasSubstr("--nonsense"));
  EXPECT_EQ(StartOf(Minimal()).config.port, 8001);
}

TEST(CommandLine, LetsTheLastOfTwoWinAndSaysSo) {
  const StartRouter start = StartOf(MinimalAnd({"--port", "8002", "--port=8003"}));
  EXPECT_EQ(start.config.port, 8003);
  EXPECT_THAT(start.warnings, ElementsAre("--port is given 2 times: the last value wins"));
}

TEST(CommandLine, FillsWhatOnlyOursKnows) {
  const Config config =
      StartOf(MinimalAnd({"--shards=3", "--on-client-gone=drain", "--enable-engine-control",
                          "--max-connections=77", "--drain-delay-seconds=0", "--tls-cert=c.pem",
                          "--tls-key=k.pem", "--tls-client-ca=ca.pem", "--backend-tls-ca=b.pem",
                          "--api-keys-file=keys", "--log-level=debug", "--log-format=json",
                          "--ejection-base-seconds=0.25", "--max-header-bytes=1024"}))
          .config;
  EXPECT_EQ(config.shards, 3u);
  EXPECT_EQ(config.on_client_gone, fleet::OnClientGone::kDrain);
  EXPECT_TRUE(config.settings.allow_engine_control);
  EXPECT_EQ(config.max_connections, 77u);
  EXPECT_EQ(config.drain_delay.count(), 0);
  EXPECT_EQ(config.tls.cert, "c.pem");
  EXPECT_EQ(config.tls.key, "k.pem");
  EXPECT_EQ(config.tls.client_ca, "ca.pem");
  EXPECT_EQ(config.backend_tls_ca, "b.pem");
  EXPECT_EQ(config.api_keys_file, "keys");
  EXPECT_EQ(config.log.level, base::LogLevel::kDebug);
  EXPECT_EQ(config.log.format, base::LogFormat::kJson);
  EXPECT_EQ(config.settings.ejection_base, std::chrono::milliseconds(250));
  EXPECT_EQ(config.settings.max_header_bytes, 1024u);
}

TEST(CommandLine, WarnsOfAQueueThatNothingCanFill) {
  EXPECT_THAT(StartOf(MinimalAnd({"--max-queued-requests=5"})).warnings,
              ElementsAre(HasSubstr("no effect without --max-concurrent-requests")));
  EXPECT_THAT(
      StartOf(MinimalAnd({"--max-queued-requests=5", "--max-concurrent-requests=1"})).warnings,
      IsEmpty());
}

struct Refusal {
  Args args;
  const char* text;
};

TEST(CommandLine, RefusesWithOneClearLine) {
  const Refusal kCases[] = {
      {{"--routing-logic", "foo"},
       "--routing-logic 'foo' is not allowed: choose roundrobin or session"},
      {{"--routing_logic=foo"},
       "--routing_logic 'foo' is not allowed: choose roundrobin or session"},
      {{"--routing-logic", "kvaware"},
       "--routing-logic 'kvaware' is not available in this version: choose roundrobin or session"},
      {{"--routing-logic", "disaggregated_prefill_orchestrated"},
       "--routing-logic 'disaggregated_prefill_orchestrated' is not available in this version: "
       "choose roundrobin or session"},
      {{"--service-discovery", "k8s"},
       "--service-discovery 'k8s' is not available in this version: choose static"},
      {{"--service-discovery", "external-only"},
       "--service-discovery 'external-only' is not available in this version: choose static"},
      {{"--service-discovery", "dns"}, "--service-discovery 'dns' is not allowed: choose static"},
      {{"--rooting-logic", "session"}, "--rooting-logic is unknown: did you mean --routing-logic?"},
      {{"--zzzzzzzz"}, "--zzzzzzzz is unknown: --help lists all flags"},
      {{"--log"},
       "--log is ambiguous: it could be --log-stats, --log-stats-interval, --log-level, "
       "--log-format"},
      {{"-port", "80"}, "unexpected argument '-port': did you mean --port?"},
      {{"serve"}, "unexpected argument 'serve': give flags as --name value"},
      {{"--"}, "unexpected argument '--': give flags as --name value"},
      {{""}, "unexpected argument '': give flags as --name value"},
      {{"--=1"}, "-- is unknown: --help lists all flags"},
      {{"--port"}, "--port needs a value: give a whole number from 0 to 65535"},
      {{"--session-key", "--log-stats"}, "--session-key needs a value: give KEY"},
      {{"--port", "abc"}, "--port 'abc' is not allowed: give a whole number from 0 to 65535"},
      {{"--host="}, "--host '' is not allowed: give ADDRESS, such as 0.0.0.0"},
      {{"--engine-stats-interval", "0"},
       "--engine-stats-interval '0' is not allowed: Engine stats interval must be greater than 0."},
      {{"--request-stats-window", "-5"},
       "--request-stats-window '-5' is not allowed: Request stats window must be greater than 0."},
      {{"--log-stats-interval", "0"},
       "--log-stats-interval '0' is not allowed: Log stats interval must be greater than 0."},
      {{"--engine-stats-interval", "soon"},
       "--engine-stats-interval 'soon' is not allowed: give seconds from 0.001 to 31536000"},
      {{"--engine-stats-interval", "31536001"},
       "--engine-stats-interval '31536001' is not allowed: give seconds from 0.001 to 31536000"},
      {{"--sentry-traces-sample-rate", "1.5"},
       "--sentry-traces-sample-rate '1.5' is not allowed: Sentry traces sample rate must be "
       "between "
       "0.0 and 1.0."},
      {{"--ejection-base-seconds=40"},
       "--ejection-base-seconds '40' is above --ejection-max-seconds '30': give a maximum that is "
       "not below the first time"},
      {{"--tls-cert=a"}, "--tls-cert needs --tls-key: give both or neither"},
      {{"--tls-key=a"}, "--tls-key needs --tls-cert: give both or neither"},
      {{"--secrets-dir=keys"}, "--secrets-dir 'keys' is not allowed: give an absolute path"},
      {{"--reset-state"}, "--reset-state needs --state-dir: without it there is no state to reset"},
      {{"--on-client-gone=wait"}, "--on-client-gone 'wait' is not allowed: choose abort or drain"},
  };
  for (const Refusal& refusal : kCases) EXPECT_EQ(ErrorOf(MinimalAnd(refusal.args)), refusal.text);
}

TEST(CommandLine, SaysWhatIsMissing) {
  const Refusal kCases[] = {
      {{}, "--service-discovery must be provided: choose static"},
      {{"--service-discovery=static"},
       "Static backends must be provided when using static service discovery. Give them with "
       "--static-backends"},
      {{"--service-discovery=static", "--static-backends=http://a"},
       "Static models must be provided when using static service discovery. Give them with "
       "--static-models"},
      {{"--service-discovery=static", "--static-backends=http://a", "--static-models=m"},
       "--routing-logic must be provided. Choose roundrobin or session"},
      {{"--service-discovery=static", "--static-backends=http://a", "--static-models=m",
        "--routing-logic=session"},
       "Session key must be provided when using session routing logic. Give it with --session-key"},
      {{"--service-discovery=static", "--static-backends=http://a", "--static-models=m",
        "--routing-logic=roundrobin", "--static-backend-health-checks"},
       "Static model types must be provided when using the backend healthcheck. Give them with "
       "--static-model-types"},
  };
  for (const Refusal& refusal : kCases) EXPECT_EQ(ErrorOf(refusal.args), refusal.text);
}

TEST(CommandLine, KeepsNumbersInTheirRange) {
  struct Range {
    const char* flag;
    Args good;
    Args bad;
  };
  const Range kCases[] = {
      {"--port",
       {"0", "1", "65535", "08001"},
       {"-1", "65536", "1.0", "0x50", " 80", "80 ", "+1", "", "99999999999999999999", "1e3"}},
      {"--k8s-port", {"1", "65535"}, {"0", "65536"}},
      {"--shards", {"0", "1024"}, {"-1", "1025"}},
      {"--max-header-bytes", {"1024", "65536"}, {"1023", "65537", "0"}},
      {"--max-request-body-bytes", {"1", "17179869184"}, {"0", "17179869185"}},
      {"--max-headers", {"1", "1000"}, {"0", "1001"}},
      {"--retry-budget-percent", {"0", "100"}, {"101", "-1"}},
      {"--max-instance-failover-reroute-attempts", {"0", "100"}, {"101"}},
      {"--stream-buffer-bytes", {"4096", "67108864"}, {"4095", "67108865"}},
      {"--queue-timeout-seconds",
       {"0", "2", "0.5", ".5", "5.", "0.001", "31536000"},
       {"-1", "inf", "nan", "1e3", "0.0001", "31536001", "1.2.3", ".", "", "2s", "-0.5"}},
      {"--ejection-max-seconds", {"1", "31536000"}, {"0"}},
  };
  for (const auto& [flag, good, bad] : kCases) {
    for (const std::string& value : good) {
      EXPECT_EQ(ErrorOf(MinimalAnd({flag, value})), "(no error)") << flag << " " << value;
    }
    for (const std::string& value : bad) {
      const std::string begin = std::string(flag) + " '" + value + "' is not allowed: ";
      EXPECT_THAT(ErrorOf(MinimalAnd({flag, value})), ::testing::StartsWith(begin));
    }
  }
}

TEST(CommandLine, ShowsNoControlCharacters) {
  EXPECT_THAT(ErrorOf({"--port", "1\n\x1b[2J"}), Not(HasSubstr("\n")));
  EXPECT_THAT(ErrorOf({"--po\nrt", "1"}), Not(HasSubstr("\n")));
  EXPECT_THAT(ErrorOf({"a\nb"}), Not(HasSubstr("\n")));
}

TEST(CommandLine, GuardsTheAdminAddress) {
  for (const char* address : {"", "127.0.0.1:50051", "127.9.9.9:0", "localhost:1", "[::1]:50051",
                              "unix:/run/router.sock"}) {
    EXPECT_EQ(StartOf(MinimalAnd({"--admin-address", address})).config.admin.address, address);
  }
  for (const char* address : {"50051", "host", "host:", ":1", "::1:50051", "host:65536",
                              "unix:", "a b:1", "[]:1", "http://a:1"}) {
    EXPECT_THAT(ErrorOf(MinimalAnd({"--admin-address", address})),
                HasSubstr("is not allowed: give HOST:PORT, [IPV6]:PORT or unix:PATH"))
        << address;
  }
}

TEST(CommandLine, OpensTheAdminServiceToOthersOnlyWithAWord) {
  for (const char* address : {"0.0.0.0:50051", "[::]:50051", "10.0.0.1:1", "127.evil.example:1"}) {
    const auto with = [&](Args more) {
      more.insert(more.begin(), {"--admin-address", address});
      return ErrorOf(MinimalAnd(more));
    };
    const auto refused = HasSubstr("can be reached by others: give --admin-tls-cert");
    EXPECT_THAT(with({}), refused);
    EXPECT_EQ(with({"--admin-insecure"}), "(no error)");
  }
}

// Sets VLLM_API_KEY for one test.
class EngineKey : public ::testing::Test {
 protected:
  void TearDown() override { unsetenv("VLLM_API_KEY"); }
  static void Set(const char* value) { setenv("VLLM_API_KEY", value, 1); }
};

TEST_F(EngineKey, ComesFromTheEnvironmentWithoutALineEnd) {
  unsetenv("VLLM_API_KEY");
  EXPECT_EQ(StartOf(Minimal()).config.backend_api_key, "");
  Set("sk-engine\n");
  EXPECT_EQ(StartOf(Minimal()).config.backend_api_key, "sk-engine");
}

TEST_F(EngineKey, IsRefusedButNotShownWhenItCannotStandInAHeader) {
  Set("secret\r\nX-Evil: 1");
  EXPECT_THAT(ErrorOf(Minimal()), HasSubstr("VLLM_API_KEY"));
  EXPECT_THAT(ErrorOf(Minimal()), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace vllm_router::app
