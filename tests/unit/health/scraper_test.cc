#include "server/health/scraper.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/net/address.h"
#include "tests/support/eventually.h"
#include "tests/support/self_signed.h"
#include "tests/unit/health/raw_server.h"

namespace vllm_router::health {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test_support::Eventually;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

std::optional<std::string> NoAnswer(const std::string&) { return std::nullopt; }
RawServer::Answer Running(int count) {
  return [count](const std::string&) {
    return HttpAnswer(200, absl::StrFormat("vllm:num_requests_running{e=\"0\"} %d\n", count));
  };
}

class ScraperTest : public testing::Test {
 protected:
  static fleet::BackendSpec SpecOf(const std::string& id, const std::string& url) {
    fleet::BackendSpec spec;
    spec.id = id;
    spec.url = fleet::ParseBackendUrl(url).value();
    spec.models = {"m"};
    return spec;
  }
  static fleet::BackendSpec SpecOf(const std::string& id, uint16_t port) {
    return SpecOf(id, absl::StrFormat("http://127.0.0.1:%d", port));
  }
  // With a runtime of its own, which knows the address if it is in the URL.
  static fleet::BackendPtr Make(fleet::BackendSpec spec,
                                std::shared_ptr<fleet::BackendRuntime> runtime = nullptr) {
    if (runtime == nullptr) runtime = std::make_shared<fleet::BackendRuntime>();
    if (const auto address = net::ParseIpLiteral(spec.url.host, spec.url.port)) {
      runtime->SetAddresses({{address->storage, address->length}});
    }
    return std::make_shared<const fleet::Backend>(
        fleet::Backend{.spec = std::move(spec), .runtime = std::move(runtime)});
  }
  static fleet::BackendPtr Make(const std::string& id, uint16_t port) {
    return Make(SpecOf(id, port));
  }

  void Start(ScraperOptions options, std::vector<fleet::BackendPtr> backends) {
    scraper_.emplace(std::move(options));
    scraper_->SetBackends(std::move(backends));
    scraper_->Start();
  }
  static bool AwaitAttempt(const fleet::BackendPtr& backend) {
    return Eventually([&] { return backend->runtime->engine().attempt_time != base::WallTime{}; });
  }
  static bool AwaitRunning(const fleet::BackendPtr& backend, double running) {
    return Eventually([&] {
      const fleet::EngineReading reading = backend->runtime->engine();
      return reading.report && reading.report->running == running;
    });
  }
  // What the first attempt fails with.
  std::string ErrorOf(fleet::BackendSpec spec, ScraperOptions options = {}) {
    const fleet::BackendPtr backend = Make(std::move(spec));
    Start(std::move(options), {backend});
    EXPECT_TRUE(AwaitAttempt(backend));
    scraper_.reset();
    EXPECT_FALSE(backend->runtime->engine().report);
    EXPECT_GE(backend->runtime->engine().failures, 1u);
    return backend->runtime->engine().error;
  }

  std::optional<Scraper> scraper_;
};

TEST_F(ScraperTest, ReadsEachEngineAtOnce) {
  RawServer one(Running(1));
  RawServer two(Running(2));
  const fleet::BackendPtr a = Make("a", one.port());
  const fleet::BackendPtr b = Make("b", two.port());
  const base::TimePoint began = base::Clock::Real().Now();
  Start({.interval = hours(1)}, {a, b});
  EXPECT_TRUE(AwaitRunning(a, 1));
  EXPECT_TRUE(AwaitRunning(b, 2));
  const fleet::EngineReading reading = a->runtime->engine();
  EXPECT_GE(reading.report_at, began);
  EXPECT_LE(reading.report_at, base::Clock::Real().Now());
  EXPECT_EQ(reading.report_time, reading.attempt_time);
  EXPECT_EQ(reading.error, "");
  EXPECT_EQ(reading.failures, 0u);
  EXPECT_EQ(a->runtime->engine_load().running, 1);
  EXPECT_THAT(one.requests(), SizeIs(1));
}

TEST_F(ScraperTest, SendsAGetForMetricsBelowTheBasePathWithTheKey) {
  RawServer own(Running(1));
  RawServer common(Running(1));
  fleet::BackendSpec spec =
      SpecOf("a", absl::StrFormat("http://127.0.0.1:%d/engines/one/", own.port()));
  spec.api_key = "sk-own";
  const fleet::BackendPtr a = Make(spec);
  const fleet::BackendPtr b = Make("b", common.port());
  Start({.interval = hours(1), .api_key = "sk-common"}, {a, b});
  ASSERT_TRUE(AwaitRunning(a, 1));
  ASSERT_TRUE(AwaitRunning(b, 1));
  const std::string request = own.requests()[0];
  EXPECT_THAT(request, StartsWith("GET /engines/one/metrics HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr(absl::StrFormat("\r\nHost: 127.0.0.1:%d\r\n", own.port())));
  EXPECT_THAT(request, HasSubstr("\r\nAccept: text/plain;version=0.0.4\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nAuthorization: Bearer sk-own\r\n"));
  EXPECT_THAT(common.requests()[0], HasSubstr("\r\nAuthorization: Bearer sk-common\r\n"));
}

TEST_F(ScraperTest, ReadsAgainAndAgain) {
  int count = 0;
  RawServer server([&](const std::string& request) { return Running(++count)(request); });
  const fleet::BackendPtr a = Make("a", server.port());
  Start({.interval = milliseconds(200)}, {a});
  EXPECT_TRUE(Eventually([&] { return a->runtime->engine_load().running.value_or(0) >= 3; }));
}

TEST_F(ScraperTest, SaysWhyAnEngineCannotBeRead) {
  const struct {
    std::string answer;
    std::string error;
  } cases[] = {
      {HttpAnswer(404, "vllm:num_requests_running 1\n"), "it answered with status 404"},
      {HttpAnswer(201, "vllm:num_requests_running 1\n"), "it answered with status 201"},
      {HttpAnswer(302, ""), "it answered with status 302"},
      {HttpAnswer(200, "<html></html>"), "its answer holds no metrics"},
      {HttpAnswer(200, ""), "its answer holds no metrics"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nvllm:num_requests_running 1\n",
       "it failed to answer: partial message"},
  };
  for (const auto& c : cases) {
    RawServer server([&](const std::string&) { return c.answer; });
    EXPECT_EQ(ErrorOf(SpecOf("a", server.port())), c.error);
  }
  const RefusingPort refusing;
  EXPECT_EQ(ErrorOf(SpecOf("a", refusing.port())),
            "it failed to accept a connection: Connection refused");
  RawServer hanging(NoAnswer);
  EXPECT_EQ(ErrorOf(SpecOf("a", hanging.port()), {.interval = milliseconds(100)}),
            "it took too long to answer");
  EXPECT_EQ(ErrorOf(SpecOf("a", "http://engine.invalid:8000")), "its name does not resolve");
  EXPECT_EQ(ErrorOf(SpecOf("a", "https://127.0.0.1:9")), "TLS towards backends is not set up");
}

TEST_F(ScraperTest, ReadsPagesOfSixteenMebibytesAndNoLongerOnes) {
  std::string page = "vllm:num_requests_running 1\n";
  page += "# " + std::string(kMaxMetricsBytes - page.size() - 3, 'x') + "\n";
  {
    RawServer server([&](const std::string&) { return HttpAnswer(200, page); });
    const fleet::BackendPtr a = Make("a", server.port());
    Start({}, {a});
    EXPECT_TRUE(AwaitRunning(a, 1));
    scraper_.reset();
  }
  page += "\n";
  RawServer server([&](const std::string&) { return HttpAnswer(200, page); });
  EXPECT_EQ(ErrorOf(SpecOf("a", server.port())), "its answer is longer than 16 MiB");
}

TEST_F(ScraperTest, SpeaksTlsAsTheBackendOrTheRouterWantsIt) {
  const test_support::SelfSigned files("engine");
  RawServer server(
      Running(5),
      *net::MakeServerTls({.certificate = files.certificate, .key = files.key, .client_ca = ""}));
  const std::string url = absl::StrFormat("https://127.0.0.1:%d", server.port());
  const net::TlsContext trusting = *net::MakeClientTls(files.certificate);
  const fleet::BackendPtr common = Make(SpecOf("common", url));
  fleet::BackendSpec own_spec = SpecOf("own", url);
  own_spec.tls = std::make_shared<net::TlsContext>(trusting);
  own_spec.tls_server_name = "localhost";
  const fleet::BackendPtr own = Make(own_spec);
  own_spec.id = "other";
  own_spec.tls_server_name = "engine.example";
  const fleet::BackendPtr other_name = Make(own_spec);
  Start({.tls = trusting}, {common, own, other_name});
  EXPECT_TRUE(AwaitRunning(common, 5));
  EXPECT_TRUE(AwaitRunning(own, 5));
  EXPECT_TRUE(AwaitAttempt(other_name));
  EXPECT_THAT(other_name->runtime->engine().error, StartsWith("it failed to agree on TLS: "));
}

TEST_F(ScraperTest, HangingAndRefusingEnginesDelayNobody) {
  RawServer hanging(NoAnswer);
  const RefusingPort refusing;
  RawServer good(Running(3));
  std::vector<fleet::BackendPtr> backends;
  for (int i = 0; i < 40; ++i) backends.push_back(Make(absl::StrFormat("h%d", i), hanging.port()));
  backends.push_back(Make("refusing", refusing.port()));
  backends.push_back(Make("good", good.port()));
  Start({.interval = hours(1)}, backends);
  EXPECT_TRUE(AwaitRunning(backends.back(), 3));
  EXPECT_EQ(backends.front()->runtime->engine().attempt_time, base::WallTime{});
}

TEST_F(ScraperTest, KeepsTheLastReportThroughFailures) {
  std::optional<RawServer> server;
  server.emplace(Running(4));
  const fleet::BackendPtr a = Make("a", server->port());
  Start({.interval = milliseconds(300)}, {a});
  ASSERT_TRUE(AwaitRunning(a, 4));
  server.reset();
  ASSERT_TRUE(Eventually([&] { return a->runtime->engine().failures >= 2; }));
  const fleet::EngineReading reading = a->runtime->engine();
  EXPECT_EQ(reading.report->running, 4);
  EXPECT_LT(reading.report_time, reading.attempt_time);
  EXPECT_NE(reading.error, "");
}

TEST_F(ScraperTest, TakesAnotherIntervalAtOnce) {
  RawServer server(Running(1));
  const fleet::BackendPtr a = Make("a", server.port());
  Start({.interval = hours(24)}, {a});
  ASSERT_TRUE(AwaitRunning(a, 1));
  scraper_->SetInterval(milliseconds(100));
  EXPECT_TRUE(Eventually([&] { return server.requests().size() >= 4; }));
}

TEST_F(ScraperTest, AsksDrainingBackendsAndNoDisabledOnes) {
  RawServer server(Running(1));
  fleet::BackendSpec spec = SpecOf("a", server.port());
  spec.admin_state = fleet::AdminState::kDisabled;
  const fleet::BackendPtr disabled = Make(spec);
  spec.id = "b";
  spec.admin_state = fleet::AdminState::kDraining;
  const fleet::BackendPtr draining = Make(spec);
  Start({.interval = hours(1)}, {disabled, draining});
  EXPECT_TRUE(AwaitRunning(draining, 1));
  EXPECT_THAT(server.requests(), SizeIs(1));
  EXPECT_EQ(disabled->runtime->engine().attempt_time, base::WallTime{});
  // As soon as it is enabled it is asked.
  fleet::BackendSpec enabled = disabled->spec;
  enabled.admin_state = fleet::AdminState::kActive;
  scraper_->SetBackends({Make(enabled, disabled->runtime), draining});
  EXPECT_TRUE(AwaitRunning(disabled, 1));
  EXPECT_THAT(server.requests(), SizeIs(2));
}

TEST_F(ScraperTest, LeavesAnUnchangedBackendInPeaceAndForgetsAnotherEnginesReport) {
  RawServer first(Running(1));
  const RefusingPort refusing;
  RawServer second(Running(2));
  fleet::BackendSpec spec = SpecOf("a", first.port());
  const fleet::BackendPtr a = Make(spec);
  Start({.interval = hours(1)}, {a});
  ASSERT_TRUE(AwaitRunning(a, 1));

  spec.admin_state = fleet::AdminState::kDraining;
  const fleet::BackendPtr b = Make("b", second.port());
  scraper_->SetBackends({Make(spec, a->runtime), b});
  ASSERT_TRUE(AwaitRunning(b, 2));
  EXPECT_THAT(first.requests(), SizeIs(1));

  // Another key: asked at once, and what it has said still counts.
  spec.api_key = "sk-1";
  scraper_->SetBackends({Make(spec, a->runtime), b});
  ASSERT_TRUE(Eventually([&] { return first.requests().size() == 2; }));
  EXPECT_TRUE(a->runtime->engine().report);

  spec.url = SpecOf("a", refusing.port()).url;
  scraper_->SetBackends({Make(spec, a->runtime), b});
  ASSERT_TRUE(Eventually([&] { return a->runtime->engine().failures == 1; }));
  EXPECT_FALSE(a->runtime->engine().report);
}

TEST_F(ScraperTest, DropsTheAnswerOfABackendThatIsGone) {
  std::optional<RawServer> hanging;
  hanging.emplace(NoAnswer);
  RawServer good(Running(1));
  const fleet::BackendPtr a = Make("a", hanging->port());
  const fleet::BackendPtr b = Make("b", good.port());
  Start({.interval = hours(1), .max_concurrent = 1}, {a});
  ASSERT_TRUE(Eventually([&] { return hanging->requests().size() == 1; }));
  scraper_->SetBackends({b});
  hanging.reset();
  ASSERT_TRUE(AwaitRunning(b, 1)) << "the only slot is free again";
  EXPECT_EQ(a->runtime->engine().attempt_time, base::WallTime{});
}

TEST_F(ScraperTest, SaysInTheLogWhenAnEngineTurns) {
  std::atomic<bool> answers = false;
  RawServer server([&](const std::string& request) {
    return answers ? Running(1)(request) : HttpAnswer(500, "sk-own");
  });
  fleet::BackendSpec spec = SpecOf("a", server.port());
  spec.api_key = "sk-own";
  const fleet::BackendPtr a = Make(spec);
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Start({.interval = seconds(2)}, {a});
  ASSERT_TRUE(Eventually([&] { return a->runtime->engine().failures >= 2; }));
  answers = true;
  ASSERT_TRUE(AwaitRunning(a, 1));
  scraper_.reset();
  const std::string log =
      testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  const std::string metrics =
      absl::StrFormat("engine statistics: the metrics of http://127.0.0.1:%d ", server.port());
  const std::string lost = metrics + "cannot be read: it answered with status 500";
  EXPECT_THAT(log, HasSubstr(lost));
  EXPECT_EQ(log.find(lost), log.rfind(lost)) << "once";
  EXPECT_THAT(log, HasSubstr(metrics + "can be read again"));
  EXPECT_THAT(log, Not(HasSubstr("sk-own")));
}

TEST_F(ScraperTest, StopsAtOnceWithQuestionsOnTheirWay) {
  RawServer hanging(NoAnswer);
  Start({}, {Make("a", hanging.port())});
  ASSERT_TRUE(Eventually([&] { return hanging.requests().size() == 1; }));
  const auto began = std::chrono::steady_clock::now();
  scraper_->Stop();
  scraper_->SetInterval(seconds(1));
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(5));
}

TEST_F(ScraperTest, ReadsAnEngineOutOfTurn) {
  RawServer server(Running(1));
  const fleet::BackendPtr backend = Make("a", server.port());
  Start({.interval = hours(1)}, {backend});
  ASSERT_TRUE(AwaitRunning(backend, 1));
  const auto read = [this](const std::string& id) {
    std::promise<fleet::EngineReading> reading;
    scraper_->ReadNow(id, seconds(20),
                      [&](const fleet::EngineReading& now) { reading.set_value(now); });
    return reading.get_future().get();
  };
  const fleet::EngineReading again = read("a");
  EXPECT_EQ(again.report->running, 1);
  EXPECT_EQ(again.report_at, backend->runtime->engine().report_at) << "it counts as any other";
  EXPECT_THAT(server.requests(), SizeIs(2));
  EXPECT_THAT(read("nobody").error, HasSubstr("not known"));
}

TEST_F(ScraperTest, TellsThoseWhoWaitThatItIsOver) {
  RawServer silent(NoAnswer);
  const fleet::BackendPtr backend = Make("a", silent.port());
  Start({.interval = hours(1)}, {backend});
  std::promise<std::string> error;
  scraper_->ReadNow("a", hours(1),
                    [&](const fleet::EngineReading& now) { error.set_value(now.error); });
  scraper_->Stop();
  EXPECT_THAT(error.get_future().get(), HasSubstr("shutting down"));
}

}  // namespace
}  // namespace vllm_router::health
