#include "server/health/prober.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/mutex.h"
#include "tests/support/self_signed.h"
#include "tests/unit/health/raw_server.h"

namespace vllm_router::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Turns of verdicts in the prober's order: "id up", "id down: detail" or "id unchecked".
class Verdicts {
 public:
  static std::string Line(const std::string& id, const CheckReport& report) {
    switch (report.verdict) {
      case fleet::HealthState::kUnchecked:
        return id + " unchecked";
      case fleet::HealthState::kHealthy:
        return id + " up";
      case fleet::HealthState::kUnhealthy:
        return id + " down: " + report.message;
      case fleet::HealthState::kSleeping:
        return id + " sleeping: " + report.message;
    }
    return id;
  }
  Prober::OnCheck Sink() {
    return [this](const std::string& id, const CheckReport& report) {
      base::MutexLock lock(&mutex_);
      checks_.push_back({id, report});
      if (report.turned) all_.push_back(Line(id, report));
      changed_.notify_all();
    };
  }
  // Waits for a check after which `wanted` holds.
  bool AwaitCheck(const std::function<bool(const std::string&, const CheckReport&)>& wanted) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(20);
    base::MutexLock lock(&mutex_);
    while (std::none_of(checks_.begin(), checks_.end(),
                        [&](const auto& check) { return wanted(check.first, check.second); })) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return false;
    }
    return true;
  }
  std::vector<std::string> all() {
    base::MutexLock lock(&mutex_);
    return all_;
  }
  // Waits until there are `count`; returns them all.
  std::vector<std::string> Await(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(20);
    base::MutexLock lock(&mutex_);
    while (all_.size() < count) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
    }
    return all_;
  }
  bool AwaitLine(const std::string& line) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(20);
    base::MutexLock lock(&mutex_);
    while (std::find(all_.begin(), all_.end(), line) == all_.end()) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return false;
    }
    return true;
  }

 private:
  base::Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::string> all_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<std::string, CheckReport>> checks_ ABSL_GUARDED_BY(mutex_);
};

Target TargetAt(const std::string& id, const std::string& url) {
  return {.id = id, .url = fleet::ParseBackendUrl(url).value(), .model = "m"};
}
Target TargetAt(const std::string& id, uint16_t port) {
  return TargetAt(id, absl::StrFormat("http://127.0.0.1:%d", port));
}

RawServer::Answer Always(int status) {
  return [status](const std::string&) { return HttpAnswer(status, "{}"); };
}
std::optional<std::string> NoAnswer(const std::string&) { return std::nullopt; }

class ProberTest : public testing::Test {
 protected:
  void Start(ProberOptions options, std::vector<Target> targets) {
    prober_ = std::make_unique<Prober>(std::move(options), verdicts_.Sink());
    prober_->SetTargets(std::move(targets));
    prober_->Start();
  }

  Verdicts verdicts_;
  std::unique_ptr<Prober> prober_;
};

TEST_F(ProberTest, JudgesEachBackendAtOnceByItsFirstProbe) {
  RawServer good(Always(200));
  RawServer bad(Always(500));
  RawServer chatty([](const std::string&) { return HttpAnswer(200, "Hello!"); });
  const RefusingPort refusing;
  Start({.schedule = {.interval = minutes(10)}},
        {TargetAt("good", good.port()), TargetAt("bad", bad.port()),
         TargetAt("chatty", chatty.port()), TargetAt("refusing", refusing.port())});
  std::vector<std::string> verdicts = verdicts_.Await(4);
  std::sort(verdicts.begin(), verdicts.end());
  EXPECT_THAT(verdicts,
              ElementsAre("bad down: it answered with status 500",
                          "chatty down: it answered with status 200, but not with JSON", "good up",
                          "refusing down: it failed to accept a connection: Connection refused"));
}

TEST_F(ProberTest, IsNotHeldUpByAHangingBackend) {
  RawServer hanging(NoAnswer);
  RawServer good(Always(200));
  std::vector<Target> targets = {TargetAt("a", hanging.port()), TargetAt("b", hanging.port())};
  for (int i = 0; i < 10; ++i) targets.push_back(TargetAt("c" + std::to_string(i), good.port()));
  Start({.schedule = {.interval = minutes(10), .timeout = minutes(10)}}, targets);
  EXPECT_EQ(verdicts_.Await(10).size(), 10u);
  for (const std::string& verdict : verdicts_.all()) EXPECT_THAT(verdict, HasSubstr(" up"));
}

TEST_F(ProberTest, CallsABackendDownThatHangsForLongerThanTheTimeout) {
  RawServer hanging(NoAnswer);
  Start({.schedule = {.interval = minutes(10), .timeout = milliseconds(200)}},
        {TargetAt("a", hanging.port())});
  EXPECT_THAT(verdicts_.Await(1), ElementsAre("a down: it took too long to answer"));
}

TEST_F(ProberTest, LeavesNobodyOutWhenMoreHangThanMayBeProbedAtOnce) {
  RawServer server([](const std::string& request) -> std::optional<std::string> {
    if (request.find("\"hanging\"") != std::string::npos) return std::nullopt;
    return HttpAnswer(200, "{}");
  });
  std::vector<Target> targets;
  for (const std::string id : {"a", "b", "c", "z"}) {
    targets.push_back(TargetAt(id, server.port()));
    if (id != "z") targets.back().model = "hanging";
  }
  Start({.schedule = {.interval = milliseconds(1), .timeout = milliseconds(100)},
         .max_concurrent = 1},
        targets);
  EXPECT_TRUE(verdicts_.AwaitLine("z up"));
}

TEST_F(ProberTest, TurnsWithTheBackendAndSaysSoOnce) {
  std::atomic<int> status{200};
  RawServer server([&](const std::string&) { return HttpAnswer(status, "{}"); });
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Start({.schedule = {.interval = milliseconds(5)}}, {TargetAt("a", server.port())});
  EXPECT_EQ(verdicts_.Await(1).size(), 1u);
  status = 503;
  EXPECT_EQ(verdicts_.Await(2).size(), 2u);
  status = 200;
  EXPECT_EQ(verdicts_.Await(3).size(), 3u);
  prober_->Stop();
  const std::string warnings = testing::internal::GetCapturedStderr();
  const std::string infos = testing::internal::GetCapturedStdout();
  EXPECT_THAT(verdicts_.all(), ElementsAre("a up", "a down: it answered with status 503", "a up"));
  const std::string url = absl::StrFormat("http://127.0.0.1:%d", server.port());
  EXPECT_THAT(warnings, HasSubstr("WARNING: health check: " + url +
                                  " is down for model m: it answered with status 503"));
  EXPECT_EQ(std::count(warnings.begin(), warnings.end(), '\n'), 1) << warnings;
  EXPECT_THAT(infos, HasSubstr("INFO: health check: " + url + " is up again for model m"));
  EXPECT_EQ(std::count(infos.begin(), infos.end(), '\n'), 1) << infos;
}

TEST_F(ProberTest, ToleratesSingleFailures) {
  std::atomic<int> count{0};
  RawServer server([&](const std::string& request) {
    if (request.starts_with("GET ")) return HttpAnswer(404, "{}");  // whether it sleeps
    return HttpAnswer(++count % 2 == 1 ? 200 : 500, "{}");          // up, down, up, down, ...
  });
  Start({.schedule = {.interval = milliseconds(1)}}, {TargetAt("a", server.port())});
  ASSERT_EQ(verdicts_.Await(1).size(), 1u);
  while (count < 20) std::this_thread::yield();
  prober_->Stop();
  EXPECT_THAT(verdicts_.all(), ElementsAre("a up"));
}

TEST_F(ProberTest, SendsTheKeyOfTheTargetOrElseItsOwnAndNeverLogsIt) {
  RawServer server([](const std::string& request) {
    const bool known = request.find("Authorization: Bearer sk-right\r\n") != std::string::npos;
    return HttpAnswer(known ? 200 : 401, "{}");
  });
  std::vector<Target> targets = {TargetAt("a", server.port()), TargetAt("b", server.port())};
  targets[1].api_key = "sk-wrong";
  testing::internal::CaptureStderr();
  Start({.schedule = {.interval = minutes(10)}, .api_key = "sk-right"}, targets);
  std::vector<std::string> verdicts = verdicts_.Await(2);
  prober_->Stop();
  const std::string log = testing::internal::GetCapturedStderr();
  std::sort(verdicts.begin(), verdicts.end());
  EXPECT_THAT(verdicts, ElementsAre("a up", "b down: it answered with status 401"));
  EXPECT_THAT(log, HasSubstr("status 401"));
  EXPECT_THAT(log, Not(HasSubstr("sk-")));
}

TEST_F(ProberTest, VerifiesHttpsBackendsAgainstTheCaFile) {
  const test_support::SelfSigned files("engine");
  RawServer server(
      Always(200),
      *net::MakeServerTls({.certificate = files.certificate, .key = files.key, .client_ca = ""}));
  const std::vector<Target> targets = {
      TargetAt("a", absl::StrFormat("https://127.0.0.1:%d/base", server.port()))};
  Start({.schedule = {.interval = minutes(10)}, .tls = *net::MakeClientTls(files.certificate)},
        targets);
  EXPECT_THAT(verdicts_.Await(1), ElementsAre("a up"));
  EXPECT_THAT(server.requests().at(0), testing::StartsWith("POST /base/v1/chat/completions "));
}

TEST_F(ProberTest, CallsHttpsBackendsDownWithoutTls) {
  const RefusingPort port;
  Start({.schedule = {.interval = minutes(10)}},
        {TargetAt("a", absl::StrFormat("https://127.0.0.1:%d", port.port()))});
  EXPECT_THAT(verdicts_.Await(1), ElementsAre("a down: TLS towards backends is not set up"));
}

TEST_F(ProberTest, TakesNewAuthoritiesUpWhileItRuns) {
  const test_support::SelfSigned known("known");
  const test_support::SelfSigned other("other");
  RawServer server(
      Always(200),
      *net::MakeServerTls({.certificate = other.certificate, .key = other.key, .client_ca = ""}));
  Start({.schedule = {.interval = milliseconds(5)}, .tls = *net::MakeClientTls(known.certificate)},
        {TargetAt("a", absl::StrFormat("https://127.0.0.1:%d", server.port()))});
  EXPECT_THAT(verdicts_.Await(1), ElementsAre(testing::StartsWith("a down: ")));
  prober_->SetTls(*net::MakeClientTls(other.certificate));
  EXPECT_THAT(verdicts_.Await(2), ElementsAre(testing::_, "a up"));
}

TEST_F(ProberTest, ResolvesNames) {
  RawServer server(Always(200));
  Start({.schedule = {.interval = minutes(10)}},
        {TargetAt("a", absl::StrFormat("http://localhost:%d", server.port()))});
  EXPECT_THAT(verdicts_.Await(1), ElementsAre("a up"));
}

TEST_F(ProberTest, CallsABackendDownWhoseNameStaysUnknown) {
  Start({.schedule = {.interval = minutes(10), .timeout = milliseconds(30)}},
        {TargetAt("a", "http://engine.invalid:8000")});
  EXPECT_THAT(verdicts_.Await(1), ElementsAre("a down: its name does not resolve"));
}

TEST_F(ProberTest, CallsABackendDownWhoseModelTypeHasNoProbe) {
  RawServer server(Always(200));
  Target target = TargetAt("a", server.port());
  target.model_type = "video";
  Start({.schedule = {.interval = minutes(10)}}, {target});
  EXPECT_THAT(verdicts_.Await(1),
              ElementsAre("a down: no health check exists for model type 'video'"));
}

TEST_F(ProberTest, JudgesNewAndChangedTargetsAnewAndKeepsTheOthers) {
  RawServer server(Always(200));
  Target changing = TargetAt("changing", server.port());
  const Target staying = TargetAt("staying", server.port());
  Start({.schedule = {.interval = minutes(10)}}, {changing, staying});
  ASSERT_EQ(verdicts_.Await(2).size(), 2u);
  changing.model = "other";
  prober_->SetTargets({changing, staying, TargetAt("new", server.port())});
  std::vector<std::string> verdicts = verdicts_.Await(4);
  // Another wave that changes nothing gives the prober time to say too much.
  prober_->SetTargets(
      {changing, staying, TargetAt("new", server.port()), TargetAt("last", server.port())});
  verdicts = verdicts_.Await(5);
  std::sort(verdicts.begin(), verdicts.end());
  EXPECT_THAT(verdicts,
              ElementsAre("changing up", "changing up", "last up", "new up", "staying up"));
}

TEST_F(ProberTest, ForgetsRemovedTargets) {
  RawServer removed(Always(200));
  RawServer staying(Always(200));
  Start({.schedule = {.interval = milliseconds(1)}},
        {TargetAt("a", removed.port()), TargetAt("b", staying.port())});
  ASSERT_EQ(verdicts_.Await(2).size(), 2u);
  prober_->SetTargets({TargetAt("b", staying.port()), TargetAt("c", staying.port())});
  ASSERT_EQ(verdicts_.Await(3).size(), 3u);
  // One probe may have been on its way.
  const size_t probes = removed.requests().size() + 1;
  const size_t others = staying.requests().size();
  while (staying.requests().size() < others + 20) std::this_thread::yield();
  EXPECT_LE(removed.requests().size(), probes);
}

TEST_F(ProberTest, DropsTheOutcomeOfATargetThatWasChangedMeanwhile) {
  std::promise<void> asked;
  std::promise<void> answer;
  bool first = true;
  RawServer slow([&](const std::string&) {
    if (!std::exchange(first, false)) return HttpAnswer(200, "{}");
    asked.set_value();
    answer.get_future().wait();
    return HttpAnswer(500, "{}");
  });
  RawServer hanging(NoAnswer);
  Start({.schedule = {.interval = minutes(10), .timeout = minutes(10)}},
        {TargetAt("a", slow.port())});
  asked.get_future().wait();
  // One request at a time: "last" is answered after the old "a".
  prober_->SetTargets({TargetAt("a", hanging.port()), TargetAt("last", slow.port())});
  while (hanging.requests().empty()) std::this_thread::yield();
  answer.set_value();
  EXPECT_TRUE(verdicts_.AwaitLine("last up"));
  prober_->Stop();
  EXPECT_THAT(verdicts_.all(), ElementsAre("last up"));
}

TEST_F(ProberTest, StopsAtOnceWhileProbesHang) {
  RawServer hanging(NoAnswer);
  Start({.schedule = {.interval = minutes(10), .timeout = minutes(10)}},
        {TargetAt("a", hanging.port()), TargetAt("b", "http://engine.invalid:8000")});
  while (hanging.requests().empty()) std::this_thread::yield();
  const auto before = std::chrono::steady_clock::now();
  prober_->Stop();
  prober_->Stop();
  prober_->SetTargets({TargetAt("c", hanging.port())});
  prober_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(5));
  EXPECT_TRUE(verdicts_.all().empty());
}

TEST_F(ProberTest, ReportsEachCheckWithItsStatus) {
  std::atomic<int> status{200};
  RawServer server([&](const std::string&) { return HttpAnswer(status, "{}"); });
  Start({.schedule = {.interval = milliseconds(5)}}, {TargetAt("a", server.port())});
  EXPECT_TRUE(verdicts_.AwaitCheck([](const std::string&, const CheckReport& report) {
    return !report.turned && report.verdict == fleet::HealthState::kHealthy &&
           report.http_status == 200 && report.message.empty();
  }));
  status = 503;
  EXPECT_TRUE(verdicts_.AwaitCheck([](const std::string&, const CheckReport& report) {
    return !report.turned && report.verdict == fleet::HealthState::kUnhealthy &&
           report.http_status == 503 && report.message == "it answered with status 503";
  }));
}

std::string SleepingEngine(const std::string& request) {
  if (request.starts_with("GET /is_sleeping ")) return HttpAnswer(200, R"({"is_sleeping":true})");
  return HttpAnswer(500, "{}");
}

TEST_F(ProberTest, TellsSleepFromSickness) {
  RawServer server(SleepingEngine);
  Start({.schedule = {.interval = minutes(10)}}, {TargetAt("a", server.port())});
  EXPECT_THAT(verdicts_.Await(1), ElementsAre("a sleeping: it answered with status 500"));
}

TEST_F(ProberTest, ChecksCanBeTurnedOffAndOnAgain) {
  RawServer server(Always(503));
  Start({.schedule = {.interval = milliseconds(1)}}, {TargetAt("a", server.port())});
  ASSERT_EQ(verdicts_.Await(1).size(), 1u);
  prober_->SetSchedule({.enabled = false, .interval = milliseconds(1)});
  EXPECT_THAT(verdicts_.Await(2), ElementsAre(HasSubstr("a down"), "a unchecked"));
  prober_->SetSchedule({.interval = milliseconds(1)});
  EXPECT_THAT(verdicts_.Await(3), ElementsAre(testing::_, testing::_, HasSubstr("a down")));
}

TEST_F(ProberTest, ANewIntervalHoldsAtOnce) {
  RawServer server(Always(200));
  Start({.schedule = {.interval = minutes(50)}}, {TargetAt("a", server.port())});
  ASSERT_EQ(verdicts_.Await(1).size(), 1u);
  prober_->SetSchedule({.interval = milliseconds(1)});
  while (server.requests().size() < 10) std::this_thread::yield();
}

TEST_F(ProberTest, ATargetCanBeLeftOutOfTheSchedule) {
  RawServer server(Always(503));
  Target target = TargetAt("a", server.port());
  Start({.schedule = {.interval = minutes(10)}}, {target});
  ASSERT_EQ(verdicts_.Await(1).size(), 1u);
  target.scheduled = false;
  prober_->SetTargets({target, TargetAt("b", server.port())});
  EXPECT_THAT(verdicts_.Await(3),
              ElementsAre(HasSubstr("a down"), "a unchecked", HasSubstr("b down")));
}

// What ProbeNow says of target "a".
ProbeReport Probed(Prober& prober, const std::string& id = "a") {
  std::promise<ProbeReport> promise;
  prober.ProbeNow(id, seconds(10), [&](const ProbeReport& report) { promise.set_value(report); });
  return promise.get_future().get();
}

TEST_F(ProberTest, ProbesAtOnceWhenAsked) {
  RawServer server([](const std::string& request) {
    if (!request.starts_with("GET /v1/models ")) return HttpAnswer(200, "{}");
    return HttpAnswer(200, R"({"object":"list","data":[{"id":"x"},{"no":1},{"id":"y"}]})");
  });
  Start({.schedule = {.enabled = false}}, {TargetAt("a", server.port())});
  const ProbeReport report = Probed(*prober_);
  EXPECT_EQ(report.health, fleet::HealthState::kHealthy);
  EXPECT_EQ(report.http_status, 200);
  EXPECT_EQ(report.message, "");
  EXPECT_GT(report.latency, base::Duration(0));
  EXPECT_THAT(report.models, ElementsAre("x", "y"));
  // Checks are off: it is no verdict.
  EXPECT_TRUE(verdicts_.all().empty());
}

TEST_F(ProberTest, WhatAProbeFindsCountsAsACheck) {
  std::atomic<int> status{200};
  RawServer server([&](const std::string&) { return HttpAnswer(status, "{}"); });
  Start({.schedule = {.interval = minutes(50)}}, {TargetAt("a", server.port())});
  ASSERT_EQ(verdicts_.Await(1).size(), 1u);
  status = 503;
  const ProbeReport report = Probed(*prober_);
  EXPECT_EQ(report.health, fleet::HealthState::kUnhealthy);
  EXPECT_EQ(report.message, "it answered with status 503");
  EXPECT_EQ(verdicts_.all().size(), 1u);
  Probed(*prober_);
  EXPECT_THAT(verdicts_.Await(2), ElementsAre("a up", "a down: it answered with status 503"));
}

TEST_F(ProberTest, AProbeTellsWhatIsWrong) {
  RawServer sleeping(SleepingEngine);
  const RefusingPort refusing;
  Start({.schedule = {.enabled = false}},
        {TargetAt("sleeping", sleeping.port()), TargetAt("refusing", refusing.port())});
  const ProbeReport asleep = Probed(*prober_, "sleeping");
  EXPECT_EQ(asleep.health, fleet::HealthState::kSleeping);
  EXPECT_EQ(asleep.http_status, 500);
  const ProbeReport refused = Probed(*prober_, "refusing");
  EXPECT_EQ(refused.health, fleet::HealthState::kUnhealthy);
  EXPECT_EQ(refused.http_status, 0);
  EXPECT_THAT(refused.message, HasSubstr("Connection refused"));
  EXPECT_THAT(Probed(*prober_, "unknown").message, HasSubstr("not known"));
}

TEST_F(ProberTest, WhoWaitsForAProbeIsToldOfTheEnd) {
  RawServer hanging(NoAnswer);
  Start({.schedule = {.enabled = false}}, {TargetAt("a", hanging.port())});
  std::vector<std::string> messages;
  const auto keep = [&](const ProbeReport& report) { messages.push_back(report.message); };
  prober_->ProbeNow("a", minutes(10), keep);
  while (hanging.requests().empty()) std::this_thread::yield();
  prober_->Stop();
  prober_->ProbeNow("a", minutes(10), keep);
  EXPECT_THAT(messages, ElementsAre(HasSubstr("shutting down"), HasSubstr("shutting down")));
}

TEST_F(ProberTest, ABackendsOwnTlsSettingsWin) {
  const test_support::SelfSigned common("common");
  const test_support::SelfSigned own("own");
  RawServer server(
      Always(200),
      *net::MakeServerTls({.certificate = own.certificate, .key = own.key, .client_ca = ""}));
  const std::string url = absl::StrFormat("https://127.0.0.1:%d", server.port());
  Target target = TargetAt("a", url);
  target.tls = *net::MakeClientTls(own.certificate);
  Target misnamed = TargetAt("b", url);
  misnamed.tls = target.tls;
  misnamed.tls_server_name = "engine.example";
  Start({.schedule = {.interval = minutes(10)}, .tls = *net::MakeClientTls(common.certificate)},
        {target, misnamed});
  std::vector<std::string> verdicts = verdicts_.Await(2);
  std::sort(verdicts.begin(), verdicts.end());
  EXPECT_THAT(verdicts, ElementsAre("a up", HasSubstr("b down")));
}

TEST_F(ProberTest, MayEndWithoutHavingBeenStarted) {
  prober_ = std::make_unique<Prober>(ProberOptions{}, verdicts_.Sink());
  prober_->SetTargets({TargetAt("a", uint16_t{1})});
  prober_.reset();
  EXPECT_TRUE(verdicts_.all().empty());
}

}  // namespace
}  // namespace vllm_router::health
