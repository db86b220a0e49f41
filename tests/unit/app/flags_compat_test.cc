// Every flag that the original takes, as its newest release documents them: a chart that passes it
// must know what becomes of it here.
#include <gflags/gflags.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "server/app/flags_spec.h"
#include "tests/unit/app/parse.h"

namespace vllm_router::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

enum class Fate { kWorks, kNoEffect, kStops, kReadsFile };

struct OriginalFlag {
  const char* flag;
  const char* value;  // nullptr: a switch
  Fate fate;
};

constexpr OriginalFlag kOriginal[] = {
    {"--host", "0.0.0.0", Fate::kWorks},
    {"--port", "8001", Fate::kWorks},
    {"--root-path", "/vllm", Fate::kNoEffect},
    {"--service-discovery", "static", Fate::kWorks},
    {"--k8s-service-discovery-type", "service-name", Fate::kNoEffect},
    {"--static-backends", "http://localhost:9001", Fate::kWorks},
    {"--static-models", "llama", Fate::kWorks},
    {"--static-aliases", "gpt:llama", Fate::kWorks},
    {"--static-model-types", "chat", Fate::kWorks},
    {"--static-model-labels", "prefill", Fate::kWorks},
    {"--static-backend-health-checks", nullptr, Fate::kWorks},
    {"--static-backend-health-check-interval", "60", Fate::kWorks},
    {"--static-backend-health-check-timeout-seconds", "10", Fate::kWorks},
    {"--k8s-port", "8000", Fate::kNoEffect},
    {"--k8s-namespace", "default", Fate::kNoEffect},
    {"--k8s-label-selector", "environment=test,release=test", Fate::kNoEffect},
    {"--k8s-watcher-timeout-seconds", "0", Fate::kNoEffect},
    {"--backend-health-check-timeout-seconds", "10", Fate::kNoEffect},
    {"--routing-logic", "roundrobin", Fate::kWorks},
    {"--session-key", "x-user-id", Fate::kWorks},
    {"--callbacks", "module.instance", Fate::kWorks},
    {"--request-rewriter", "noop", Fate::kNoEffect},
    {"--enable-batch-api", nullptr, Fate::kNoEffect},
    {"--file-storage-class", "local_file", Fate::kNoEffect},
    {"--file-storage-path", "/tmp/vllm_files", Fate::kNoEffect},
    {"--batch-processor", "local", Fate::kNoEffect},
    {"--engine-stats-interval", "15", Fate::kWorks},
    {"--request-stats-window", "60", Fate::kWorks},
    {"--log-stats", nullptr, Fate::kWorks},
    {"--log-stats-interval", "10", Fate::kWorks},
    {"--dynamic-config-json", "/no/router.json", Fate::kReadsFile},
    {"--dynamic-config-yaml", "/no/router.yaml", Fate::kReadsFile},
    {"--feature-gates", "SemanticCache=true", Fate::kNoEffect},
    {"--semantic-cache-model", "all-MiniLM-L6-v2", Fate::kNoEffect},
    {"--semantic-cache-dir", "semantic_cache", Fate::kNoEffect},
    {"--semantic-cache-threshold", "0.95", Fate::kNoEffect},
    {"--log-level", "warning", Fate::kWorks},
    {"--log-format", "json", Fate::kWorks},
    {"--sentry-dsn", "https://key@sentry.example/1", Fate::kNoEffect},
    {"--sentry-traces-sample-rate", "0.1", Fate::kNoEffect},
    {"--sentry-profile-session-sample-rate", "1.0", Fate::kNoEffect},
    {"--otel-endpoint", "collector:4317", Fate::kNoEffect},
    {"--otel-service-name", "vllm-router", Fate::kNoEffect},
    {"--otel-secure", nullptr, Fate::kNoEffect},
    {"--prefill-model-labels", "prefill", Fate::kNoEffect},
    {"--decode-model-labels", "decode", Fate::kNoEffect},
    {"--kv-aware-threshold", "2000", Fate::kNoEffect},
    {"--lmcache-controller-port", "9000", Fate::kNoEffect},
    {"--lmcache-controller-reply-port", "9001", Fate::kNoEffect},
    {"--lmcache-controller-heartbeat-port", "9002", Fate::kNoEffect},
    {"--lmcache-health-check-interval", "5", Fate::kNoEffect},
    {"--lmcache-worker-timeout", "30", Fate::kNoEffect},
    {"--prefix-min-match-length", "0", Fate::kNoEffect},
    {"--max-instance-failover-reroute-attempts", "0", Fate::kWorks},
    {"--external-providers-config", "/etc/providers.yaml", Fate::kStops},
};

// The minimal command line with one flag of the original; what the minimal one gives already is
// replaced, for a flag given twice is warned of.
Args WithFlag(const OriginalFlag& flag) {
  Args args;
  const Args minimal = Minimal();
  for (size_t i = 0; i < minimal.size(); i += 2) {
    if (minimal[i] != flag.flag) args.insert(args.end(), {minimal[i], minimal[i + 1]});
  }
  args.push_back(flag.flag);
  if (flag.value != nullptr) args.push_back(flag.value);
  if (args.back() == "--static-backend-health-checks") args.push_back("--static-model-types=chat");
  return args;
}

TEST(FlagsOfTheOriginal, AreTakenOrRefusedButNeverSilentlyDropped) {
  for (const OriginalFlag& flag : kOriginal) {
    SCOPED_TRACE(flag.flag);
    const Args args = WithFlag(flag);
    if (flag.fate == Fate::kStops) {
      EXPECT_THAT(ErrorOf(args), HasSubstr(std::string(flag.flag) + " '" + flag.value +
                                           "' is not available in this version: "));
      continue;
    }
    if (flag.fate == Fate::kReadsFile) {
      EXPECT_EQ(ErrorOf(args), std::string("the dynamic configuration: cannot read '") +
                                   flag.value + "': No such file or directory");
      continue;
    }
    ASSERT_EQ(ErrorOf(args), "(no error)");
    const std::vector<std::string> warnings = StartOf(args).warnings;
    if (flag.fate == Fate::kWorks) {
      EXPECT_THAT(warnings, IsEmpty());
    } else {
      EXPECT_THAT(warnings, ElementsAre(std::string("accepted without effect in this version: ") +
                                        flag.flag));
    }
  }
}

TEST(FlagsOfTheOriginal, AreThoseThatTheTablesCallSo) {
  std::set<std::string> expected = {"--help", "--version"};
  for (const OriginalFlag& flag : kOriginal) expected.insert(flag.flag);
  std::set<std::string> marked;
  for (const FlagGroup* group : AllFlagGroups()) {
    for (const FlagSpec& spec : group->flags) {
      if (spec.of_original) marked.insert(FlagTitle(spec));
    }
  }
  EXPECT_EQ(marked, expected);
}

TEST(FlagsOfTheOriginal, ShareOneWarningInTheOrderGiven) {
  const StartRouter start = StartOf(
      MinimalAnd({"--root-path", "/v", "--otel-endpoint", "a:1", "--otel-secure", "--log-stats"}));
  EXPECT_THAT(start.warnings, ElementsAre("accepted without effect in this version: --root-path, "
                                          "--otel-endpoint, --otel-secure"));
  EXPECT_EQ(start.config.root_path, "/v");
}

TEST(FlagsOfTheOriginal, AskForNothingWhenEmptyOrFalse) {
  const StartRouter start = StartOf(
      MinimalAnd({"--callbacks", "", "--dynamic-config-json=", "--external-providers-config", "",
                  "--otel-endpoint=", "--enable-batch-api=false", "--k8s-label-selector="}));
  EXPECT_THAT(start.warnings, IsEmpty());
}

TEST(FlagsOfTheOriginal, StopTheStartBeforeAnythingMissingIsNamed) {
  EXPECT_THAT(ErrorOf({"--external-providers-config", "p.yaml"}),
              HasSubstr("--external-providers-config 'p.yaml' is not available in this version"));
}

TEST(FlagTables, DescribeEveryDefinitionOnce) {
  std::map<std::string, int> described;
  for (const FlagGroup* group : AllFlagGroups()) {
    for (const FlagSpec& spec : group->flags) ++described[std::string(spec.name)];
  }
  std::vector<gflags::CommandLineFlagInfo> all;
  gflags::GetAllFlags(&all);
  std::set<std::string> defined = {"help", "version"};
  for (const gflags::CommandLineFlagInfo& info : all) {
    if (info.filename.find("server/app/flags_") != std::string::npos) defined.insert(info.name);
  }
  std::set<std::string> names;
  for (const auto& [name, times] : described) {
    EXPECT_EQ(times, 1) << name;
    names.insert(name);
  }
  EXPECT_EQ(names, defined);
}

TEST(FlagTables, HaveDefaultsThatTheyWouldAllow) {
  std::vector<gflags::CommandLineFlagInfo> all;
  gflags::GetAllFlags(&all);
  std::map<std::string, std::string> defaults;
  for (const auto& info : all) defaults[info.name] = info.default_value;
  for (const FlagGroup* group : AllFlagGroups()) {
    for (const FlagSpec& spec : group->flags) {
      const std::string value = defaults.at(std::string(spec.name));
      if (value.empty()) continue;
      EXPECT_TRUE(CheckFlagValue(spec, FlagTitle(spec), value).ok()) << spec.name << " " << value;
    }
  }
}

TEST(FlagTables, HideWhatGflagsBringsItself) {
  for (const char* flag :
       {"--flagfile=x", "--fromenv=port", "--tryfromenv=port", "--undefok=x",
        "--tab_completion_word=x", "--tab-completion-columns=5", "--helpfull", "--helpshort",
        "--helpxml", "--helppackage", "--helpmatch=x", "--helpon=x"}) {
    EXPECT_THAT(ErrorOf(MinimalAnd({flag})), HasSubstr(" is unknown: ")) << flag;
  }
}

}  // namespace
}  // namespace vllm_router::app
