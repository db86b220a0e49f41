// applygen: changes of a running router's configuration, one after the other, and how long each
// takes until every shard routes by it. See --help.
#include <gflags/gflags.h>
#include <google/protobuf/util/time_util.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <map>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "tools/applygen/changes.h"
#include "tools/applygen/watchers.h"
#include "tools/loadgen/histogram.h"
#include "tools/loadgen/json_object.h"
#include "vllm_router/client.h"

DEFINE_string(address, "127.0.0.1:50051", "The router's admin service.");
DEFINE_uint64(applies, 1000, "Changes to make, each in an ApplyConfig of its own.");
DEFINE_uint64(fleet, 0, "Backends of an unused model to add first, in one ApplyConfig.");
DEFINE_string(backends, "", "URLs of engines, by comma, that come, drain and go under traffic.");
DEFINE_string(model, "test-model", "The model that they serve.");
DEFINE_double(per_second, 0, "Changes per second; 0 = each as soon as the one before is done.");
DEFINE_uint64(watchers, 0, "Streams of WatchConfig to hold meanwhile, --stalled among them.");
DEFINE_uint64(stalled, 0, "How many of them do not read until the changes are over.");
DEFINE_string(json, "", "Write the result to this file, as one JSON object.");

namespace vllm_router::applygen {
namespace {

using loadgen::Histogram;
using loadgen::JsonObject;

constexpr absl::Duration kTimeout = absl::Seconds(30);

struct Outcome {
  uint64_t failed = 0;
  std::string first_failure;
  uint64_t last_generation = 0;
  Histogram times;
  std::map<std::string_view, Histogram> by_kind;
  Watchers::EffectTimes effects;
};

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixNanos(google::protobuf::util::TimeUtil::TimestampToNanoseconds(time));
}

void ApplyAll(const Client& client, Outcome* outcome) {
  Changes changes(FLAGS_model, [] {
    const std::vector<std::string_view> urls = base::SplitList(FLAGS_backends);
    return std::vector<std::string>(urls.begin(), urls.end());
  }());
  const absl::Time began = absl::Now();
  for (uint64_t i = 0; i < FLAGS_applies; ++i) {
    if (FLAGS_per_second > 0) {
      const absl::Time due = began + absl::Seconds(static_cast<double>(i) / FLAGS_per_second);
      absl::SleepFor(due - absl::Now());
    }
    const Change change = changes.Next();
    const absl::Time before = absl::Now();
    const auto applied = client.ApplyConfig(change.request, {.timeout = kTimeout});
    const int64_t took = absl::ToInt64Nanoseconds(absl::Now() - before);
    if (!applied.ok()) {
      if (outcome->failed++ == 0) outcome->first_failure = applied.status().ToString();
      continue;
    }
    outcome->times.Record(took);
    outcome->by_kind[change.kind].Record(took);
    outcome->last_generation = applied->change().generation();
    if (applied->change().has_effect_time()) {
      outcome->effects[applied->change().generation()] = ToTime(applied->change().effect_time());
    }
  }
}

std::string WatchersJson(const Watchers::Result& result) {
  return JsonObject()
      .Count("watchers", FLAGS_watchers)
      .Count("stalled", FLAGS_stalled)
      .Count("incomplete", result.incomplete)
      .Count("disordered", result.disordered)
      .Count("unaccounted", result.unaccounted)
      .Count("skipped", result.skipped)
      .Count("messages", result.messages)
      .Count("late_messages", result.late_messages)
      .Raw("lateness", result.lateness.ToJson())
      .str();
}

absl::StatusOr<JsonObject> Run() {
  ClientOptions options;
  options.address = FLAGS_address;
  ROUTER_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, Client::Create(options));
  JsonObject json;
  if (FLAGS_fleet > 0) {
    const v1::ApplyConfigRequest fleet = Changes::Fleet(FLAGS_fleet);
    // The connection is not part of it.
    ROUTER_RETURN_IF_ERROR(client->GetServerInfo({}).status());
    const absl::Time before = absl::Now();
    ROUTER_RETURN_IF_ERROR(client->ApplyConfig(fleet, {.timeout = kTimeout}).status());
    json.Count("fleet", FLAGS_fleet);
    json.Real("fleet_ms", absl::ToDoubleMilliseconds(absl::Now() - before));
  }
  ROUTER_ASSIGN_OR_RETURN(
      const std::unique_ptr<Watchers> watchers,
      Watchers::Open(FLAGS_address, FLAGS_watchers - FLAGS_stalled, FLAGS_stalled));
  std::printf("ready\n");
  std::fflush(stdout);

  Outcome outcome;
  const absl::Time began = absl::Now();
  ApplyAll(*client, &outcome);
  json.Real("seconds", absl::ToDoubleSeconds(absl::Now() - began))
      .Count("applies", FLAGS_applies)
      .Count("failed", outcome.failed)
      .Text("first_failure", outcome.first_failure)
      .Raw("apply", outcome.times.ToJson());
  JsonObject kinds;
  for (const auto& [kind, times] : outcome.by_kind) kinds.Raw(kind, times.ToJson());
  json.Raw("by_kind", kinds.str());
  if (FLAGS_watchers > 0) {
    const auto result =
        watchers->FinishAt(outcome.last_generation, outcome.effects, absl::Seconds(20));
    json.Raw("watch", WatchersJson(result));
  }
  return json;
}

int Main() {
  if (FLAGS_stalled > FLAGS_watchers) {
    std::fprintf(stderr, "applygen: --stalled is more than --watchers\n");
    return 2;
  }
  const absl::StatusOr<JsonObject> json = Run();
  if (!json.ok()) {
    std::fprintf(stderr, "applygen: %s\n", json.status().ToString().c_str());
    return 1;
  }
  std::printf("%s\n", json->str().c_str());
  if (!FLAGS_json.empty() && !(std::ofstream(FLAGS_json) << json->str() << "\n").flush()) {
    std::fprintf(stderr, "applygen: cannot write %s\n", FLAGS_json.c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace vllm_router::applygen

int main(int argc, char** argv) {
  gflags::SetUsageMessage(
      "changes a running router's configuration, one ApplyConfig after the other, and tells how\n"
      "long each took until it was in effect on every shard, and how late watchers learned of it.\n"
      "It says \"ready\" when fleet and watchers stand. The configuration is not put back.");
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  return vllm_router::applygen::Main();
}
