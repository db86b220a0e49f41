// The configuration file as a second place for flags: at the start, and read again.
#include "server/app/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/app/dynamic_config.h"
#include "tests/support/replaced_file.h"
#include "tests/unit/app/parse.h"

namespace vllm_router::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr std::string_view kModels = R"(service_discovery: static
routing_logic: roundrobin
static_models:
  llama:
    static_backends:
      - http://a:8000
      - http://b:8000
    static_model_type: chat
  embed:
    static_backends: [http://c:8000]
    static_model_type: embeddings
    static_model_label: small
static_aliases:
  gpt-4: llama
  ada: embed
)";

class ConfigFileTest : public ::testing::Test {
 protected:
  StartRouter Yaml(std::string_view text, Args args = {}) {
    file_.Write(text);
    args.insert(args.end(), {"--dynamic-config-yaml", file_.path()});
    return StartOf(args);
  }
  StartRouter Json(std::string_view text) {
    file_.Write(text);
    return StartOf({"--dynamic-config-json", file_.path()});
  }
  // Without the file's path.
  std::string Error(const StartRouter& start) {
    if (start.warnings.empty()) return "(no error)";
    return WithoutPath(start.warnings.front());
  }
  std::string WithoutPath(std::string text) {
    for (size_t at; (at = text.find(file_.path())) != std::string::npos;) {
      text.replace(at, file_.path().size(), "FILE");
    }
    return text;
  }
  // What ParseAgain says of another text.
  std::string Again(const StartRouter& started, std::string_view text) {
    const absl::StatusOr<StartRouter> next = ParseAgain(started, text);
    return next.ok() ? "" : WithoutPath(std::string(next.status().message()));
  }

  test::ReplacedFile file_{"router.yaml"};
};

TEST_F(ConfigFileTest, SetsWhatTheCommandLineLeavesOpen) {
  const StartRouter start = Yaml(
      "service_discovery: static\nrouting_logic: session\nsession_key: x-user\nport: 8123\n"
      "static_backends: http://a:8000,http://b:8000\nstatic_models: m,m\nlog_level: debug\n"
      "static_backend_health_check_interval: 2.5\nmax_queued_requests: 5\n",
      {"--log-level", "error", "--max-concurrent-requests", "7"});
  EXPECT_THAT(start.warnings, ElementsAre(HasSubstr(":7:1: log_level is overruled by "
                                                    "--log-level on the command line")));
  EXPECT_EQ(start.config.route.logic, "session");
  EXPECT_EQ(start.config.route.session_key, "x-user");
  EXPECT_EQ(start.config.port, 8123);
  EXPECT_EQ(start.config.static_options.backends.size(), 2u);
  EXPECT_EQ(start.config.log.level, base::LogLevel::kError);
  EXPECT_EQ(start.config.health_checks.interval, std::chrono::milliseconds(2500));
  EXPECT_EQ(start.config.settings.max_concurrent_requests, 7u);
  EXPECT_EQ(start.config.settings.max_queued_requests, 5u);
}

TEST_F(ConfigFileTest, GivesModelsAndAliasesAsMaps) {
  const StartRouter start = Yaml(kModels);
  EXPECT_THAT(start.warnings, IsEmpty());
  const auto& backends = start.config.static_options.backends;
  ASSERT_EQ(backends.size(), 3u);
  EXPECT_EQ(backends[1].url.text, "http://b:8000");
  EXPECT_EQ(backends[1].model, "llama");
  EXPECT_EQ(backends[1].label, "default");
  EXPECT_EQ(backends[2].model_type, "embeddings");
  EXPECT_EQ(backends[2].label, "small");
  EXPECT_THAT(start.config.static_options.aliases,
              ElementsAre(Pair("gpt-4", "llama"), Pair("ada", "embed")));
}

TEST_F(ConfigFileTest, TakesTheSameFromJson) {
  for (const std::string_view models :
       {R"("static_models": {"m": {"static_backends": ["http://a:1", "http://b:1"]}})",
        R"("static_models": "m,m", "static_backends": "http://a:1,http://b:1")",
        R"("static_models": ["m", "m"], "static_backends": ["http://a:1", "http://b:1"])",
        R"("static_models": {"m": {"static_backends": "http://a:1, http://b:1"}, "idle": null})"}) {
    const StartRouter start = Json(absl::StrFormat(
        R"({"service_discovery": "static", "routing_logic": "roundrobin", %s,
            "static_aliases": ["a:m"], "session_key": null, "max_headers": 50,
            "enable_engine_control": true})",
        models));
    EXPECT_THAT(start.warnings, IsEmpty());
    ASSERT_EQ(start.config.static_options.backends.size(), 2u);
    EXPECT_EQ(start.config.static_options.backends[1].url.text, "http://b:1");
    EXPECT_EQ(start.config.static_options.aliases.size(), 1u);
    EXPECT_EQ(start.config.settings.max_headers, 50u);
    EXPECT_TRUE(start.config.settings.allow_engine_control);
  }
}

TEST_F(ConfigFileTest, ReadsSwitchesAsYamlHasThem) {
  for (const std::string on : {"true", "True", "yes", "ON", "\"true\""}) {
    EXPECT_TRUE(Yaml(std::string(kModels) + "static_backend_health_checks: " + on + "\n")
                    .config.health_checks.enabled)
        << on;
  }
  EXPECT_EQ(Error(Yaml(std::string(kModels) + "static_backend_health_checks: \"yes\"\n")),
            "error: FILE:16:1: static_backend_health_checks 'yes' is not allowed: choose true or "
            "false");
}

struct BadFile {
  const char* text;
  const char* error;
};

TEST_F(ConfigFileTest, NamesPlaceKeyValueAndWhatIsAllowed) {
  constexpr BadFile kFiles[] = {
      {"static_backend: http://a:1\n",
       "FILE:1:1: the key 'static_backend' is unknown: did you mean static_backends?"},
      {"static-backends: http://a:1\n",
       "FILE:1:1: the key 'static-backends' is unknown: did you mean static_backends?"},
      {"worker_urls: http://a:1\n",
       "FILE:1:1: the key 'worker_urls' is unknown: keys are flags' names with underscores, see "
       "--help"},
      {"\nrouting_logic: best\n",
       "FILE:2:1: routing_logic 'best' is not allowed: choose roundrobin or session"},
      {"routing_logic: kvaware\n",
       "FILE:1:1: routing_logic 'kvaware' is not available in this version: choose roundrobin or "
       "session"},
      {"port: 1e3\n", "FILE:1:1: port '1e3' is not allowed: give a whole number from 0 to 65535"},
      {"port: [1]\n", "FILE:1:7: port cannot be a list: give a whole number from 0 to 65535"},
      {"static_backends: {a: b}\n", "FILE:1:18: static_backends cannot be a map: give URL,..."},
      {"static_backends: [\"http://a:1,http://b:1\"]\n",
       "FILE:1:19: static_backends 'http://a:1,http://b:1' is not allowed: it holds a comma"},
      {"static_backends: [~]\n", "FILE:1:19: static_backends: give text here"},
      {"port: 1\nport: 2\n", "FILE:2:1: 'port' is given twice"},
      {"- port\n",
       "FILE:1:1: the file is no map of settings: give lines such as `routing_logic: roundrobin`"},
      {"help: true\n", "FILE:1:1: help cannot be set in a file: give --help on the command line"},
      {"dynamic_config_yaml: a.yaml\n",
       "FILE:1:1: dynamic_config_yaml cannot be set in a file: give --dynamic-config-yaml on the "
       "command line"},
      {"static_models:\n  m: {backends: []}\n",
       "FILE:2:7: static_models.m.backends is unknown: choose static_backends, static_model_type "
       "or static_model_label"},
      {"static_models:\n  m: http://a:1\n",
       "FILE:2:6: static_models.m is no map: give it static_backends"},
      {"static_models: {m: {static_backends: [http://a:1]}}\nstatic_backends: http://b:1\n",
       "FILE:2:1: static_backends is given beside static_models as a map: the map holds it for "
       "each model"},
      {"static_aliases: {a: [b]}\n", "FILE:1:21: static_aliases.a: give text here"},
      {"external_providers_config: p.yaml\n",
       "external_providers_config (FILE:1:1) 'p.yaml' is not available in this version: its models "
       "would be unknown; list engines with --static-backends"},
  };
  for (const auto& [text, error] : kFiles) {
    EXPECT_EQ(Error(Yaml(text)), std::string("error: ") + error) << text;
  }
}

TEST_F(ConfigFileTest, NamesTheFileAlsoInWhatIsCheckedTogether) {
  EXPECT_EQ(Error(Yaml("service_discovery: static\nstatic_backends: http://a:1,http://b:1\n"
                       "static_models: m\nrouting_logic: roundrobin\n")),
            "error: URLs and models should have the same length: static_backends (FILE:2:1) has "
            "2, static_models (FILE:3:1) has 1");
  EXPECT_EQ(Error(Yaml("k8s_port: 8000\notel_secure: true\n", MinimalAnd({"--root-path", "/v"}))),
            "accepted without effect in this version: --root-path, k8s_port (FILE:1:1), "
            "otel_secure (FILE:2:1)");
}

TEST_F(ConfigFileTest, MayBeOnlyOne) {
  EXPECT_EQ(ErrorOf(MinimalAnd({"--dynamic-config-yaml", "a", "--dynamic-config-json", "b"})),
            "--dynamic-config-json and --dynamic-config-yaml exclude each other: give one of them");
}

TEST_F(ConfigFileTest, MayBeEmpty) { EXPECT_THAT(Yaml("", Minimal()).warnings, IsEmpty()); }

TEST_F(ConfigFileTest, IsReadAgainWithTheSameCommandLine) {
  const StartRouter started = Yaml("static_aliases: {a: llama}\nmax_headers: 50\nk8s_port: 1\n",
                                   MinimalAnd({"--log-level", "error"}));
  const absl::StatusOr<StartRouter> next = ParseAgain(
      started, "routing_logic: session\nsession_key: k\nmax_header_bytes: 4096\nlog_level: info\n");
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->config.route.logic, "roundrobin") << "the command line wins";
  EXPECT_EQ(next->config.log.level, base::LogLevel::kError);
  EXPECT_EQ(next->config.route.session_key, "k");
  EXPECT_EQ(next->config.settings.max_header_bytes, 4096u);
  EXPECT_EQ(next->config.settings.max_headers, 100u) << "no longer given: the default";
  EXPECT_THAT(next->config.static_options.aliases, IsEmpty());
  EXPECT_EQ(next->warnings.size(), 2u);
}

TEST_F(ConfigFileTest, SaysWhatNeedsARestart) {
  const StartRouter started = Yaml("port: 8100\naccess_log_file: a\nlog_format: json\n", Minimal());
  EXPECT_EQ(Again(started, "port: 8100\naccess_log_file: a\nmax_headers: 9\n"), "");
  EXPECT_EQ(Again(started, "access_log_file: a\nport: 8200\n"),
            "FILE:2:1: port '8200' needs a restart: the router was started with '8100'");
  EXPECT_EQ(Again(started, "port: 8100\n"),
            "FILE: access_log_file '' needs a restart: the router was started with 'a'");
  EXPECT_EQ(Again(started, "port: 8100\nlog_formats: json\n"),
            "FILE:2:1: the key 'log_formats' is unknown: did you mean log_format?");
}

TEST_F(ConfigFileTest, MovesACallbackServiceButImportsNoCode) {
  const auto because = [](const std::string& callbacks, const std::string& was) {
    return absl::StrFormat(
        "callbacks '%s' needs a restart, for Python code is imported at the "
        "start only: the router was started with '%s'",
        callbacks, was);
  };
  for (const std::string without : {"", "callbacks: 127.0.0.1:9000\n"}) {
    const StartRouter started = Yaml(without, Minimal());
    const std::string was = started.config.callbacks.target;
    EXPECT_EQ(Again(started, "callbacks: \"[::1]:9001\"\n"), "");
    EXPECT_EQ(Again(started, ""), "");
    EXPECT_EQ(Again(started, "callbacks: evil.handler\n"),
              "FILE:1:1: " + because("evil.handler", was));
  }
  const StartRouter started = Yaml("callbacks: my.handler\n", Minimal());
  EXPECT_EQ(started.config.callbacks.handler, "my.handler");
  EXPECT_EQ(Again(started, "max_headers: 9\ncallbacks: my.handler\n"), "");
  EXPECT_EQ(Again(started, "max_headers: 9\ncallbacks: my.other\n"),
            "FILE:2:1: " + because("my.other", "my.handler"));
  EXPECT_EQ(Again(started, "callbacks: 127.0.0.1:9000\n"),
            "FILE:1:1: " + because("127.0.0.1:9000", "my.handler"));
  EXPECT_EQ(Again(started, "max_headers: 9\n"), "FILE: " + because("", "my.handler"));
  EXPECT_EQ(Again(started, "callbacks: my.handler\ncallbacks_python: /tmp/python\n"),
            "FILE:2:1: callbacks_python '/tmp/python' needs a restart: the router was started with "
            "'python3'");
}

TEST_F(ConfigFileTest, CannotReplaceTheHandlerOfTheCommandLine) {
  const StartRouter started = Yaml("", MinimalAnd({"--callbacks", "my.handler"}));
  const absl::StatusOr<StartRouter> next = ParseAgain(started, "callbacks: evil.handler\n");
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->config.callbacks.handler, "my.handler");
  EXPECT_THAT(next->warnings, testing::ElementsAre(testing::HasSubstr("overruled by --callbacks")));
}

TEST_F(ConfigFileTest, WhatNeedsARestartIsListed) {
  std::string names;
  for (const FlagGroup* group : AllFlagGroups()) {
    for (const FlagSpec& spec : group->flags) {
      if (spec.needs_restart) names += std::string(spec.name) + " ";
    }
  }
  EXPECT_EQ(names,
            "host port shards service_discovery dynamic_config_json dynamic_config_yaml "
            "external_providers_config access_log_file callbacks_python tls_cert tls_key "
            "tls_client_ca backend_tls_ca "
            "api_keys_file admin_address admin_tls_cert admin_tls_key admin_tls_client_ca "
            "admin_tokens_file admin_insecure state_dir reset_state audit_log secrets_dir ");
}

TEST_F(ConfigFileTest, IsShownAsTheOriginalShowsIt) {
  const StartRouter start = Yaml(std::string(kModels) +
                                     "k8s_port: 8000\nmax_headers: 7\n"
                                     "static_backend_health_check_timeout_seconds: 0.1\n",
                                 {"--session-key", "a\"b"});
  EXPECT_EQ(
      RenderDynamicConfig(start.values),
      R"({"callbacks":null,"decode_model_labels":null,"k8s_label_selector":null,)"
      R"("k8s_namespace":null,"k8s_port":8000,"prefill_model_labels":null,)"
      R"("routing_logic":"roundrobin","service_discovery":"static","session_key":"a\"b",)"
      R"("static_aliases":"gpt-4:llama,ada:embed","static_backend_health_check_interval":60,)"
      R"("static_backend_health_check_timeout_seconds":0.1,"static_backend_health_checks":false,)"
      R"("static_backends":"http://a:8000,http://b:8000,http://c:8000",)"
      R"("static_model_labels":"default,default,small","static_model_types":"chat,chat,embeddings",)"
      R"("static_models":"llama,llama,embed"})");
}

}  // namespace
}  // namespace vllm_router::app
