#include "server/health/http_probe.h"

#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/self_signed.h"
#include "tests/unit/health/raw_server.h"

namespace vllm_router::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kRequest = "POST /x HTTP/1.1\r\nHost: e\r\nContent-Length: 2\r\n\r\n{}";

net::Address Loopback(uint16_t port) { return *net::ParseIpLiteral("127.0.0.1", port); }

Probe ProbeOf(uint16_t port) {
  return {.addresses = {Loopback(port)},
          .tls = {},
          .host = "127.0.0.1",
          .request = std::string(kRequest),
          .timeout = seconds(10)};
}

ProbeOutcome OutcomeOf(Probe probe) {
  boost::asio::io_context io;
  std::vector<ProbeOutcome> outcomes;
  StartProbe(io, std::move(probe), [&](ProbeOutcome outcome) { outcomes.push_back(outcome); });
  EXPECT_TRUE(outcomes.empty()) << "done must not be called from inside StartProbe";
  io.run();
  EXPECT_EQ(outcomes.size(), 1u);
  return outcomes.empty() ? ProbeOutcome{} : outcomes.front();
}

ProbeOutcome OutcomeOfAnswer(const std::string& answer) {
  RawServer server([&](const std::string&) { return answer; });
  return OutcomeOf(ProbeOf(server.port()));
}

TEST(HttpProbe, CallsAJsonAnswerBelow400Healthy) {
  const std::string answers[] = {
      HttpAnswer(200, R"({"choices":[]})"),
      HttpAnswer(201, "[]"),
      HttpAnswer(302, "{}"),
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\n{\"until\":\"close\"}",
  };
  for (const std::string& answer : answers) {
    const ProbeOutcome outcome = OutcomeOfAnswer(answer);
    EXPECT_TRUE(outcome.healthy) << answer << outcome.detail;
  }
}

TEST(HttpProbe, CallsEverythingElseUnhealthyAndSaysWhy) {
  const struct {
    std::string answer;
    std::string detail;
  } cases[] = {
      {HttpAnswer(500, "{}"), "it answered with status 500"},
      {HttpAnswer(401, "{}"), "it answered with status 401"},
      {HttpAnswer(400, "{}"), "it answered with status 400"},
      {HttpAnswer(200, "hello"), "it answered with status 200, but not with JSON"},
      {HttpAnswer(200, ""), "it answered with status 200, but not with JSON"},
      {HttpAnswer(200, "{} {}"), "it answered with status 200, but not with JSON"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "it failed to answer: "},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", "it failed to answer: "},
      {"SSH-2.0-OpenSSH_9.2\r\n", "it failed to answer: "},
      {"", "it failed to answer: "},
      {HttpAnswer(200, "\"" + std::string(kMaxAnswerBytes, 'x') + "\""), "longer than 1 MiB"},
      {"HTTP/1.0 200 OK\r\n\r\n\"" + std::string(kMaxAnswerBytes, 'x') + "\"", "longer than 1 MiB"},
  };
  for (const auto& c : cases) {
    const ProbeOutcome outcome = OutcomeOfAnswer(c.answer);
    EXPECT_FALSE(outcome.healthy) << c.answer.substr(0, 100);
    EXPECT_THAT(outcome.detail, HasSubstr(c.detail)) << c.answer.substr(0, 100);
  }
}

TEST(HttpProbe, TakesAnyBodyOfAnyLengthThatTheCallerWants) {
  const std::string text(3u << 20, 'x');
  RawServer server([&](const std::string&) { return HttpAnswer(200, text); });
  Probe probe = ProbeOf(server.port());
  probe.wants_json = false;
  probe.max_answer_bytes = 3u << 20;
  const ProbeOutcome outcome = OutcomeOf(probe);
  EXPECT_TRUE(outcome.healthy) << outcome.detail;
  EXPECT_EQ(outcome.body.size(), text.size());
  probe.max_answer_bytes = 2u << 20;
  EXPECT_EQ(OutcomeOf(probe).detail, "its answer is longer than 2 MiB");
}

TEST(HttpProbe, SendsTheRequestAsItIs) {
  RawServer server([](const std::string&) { return HttpAnswer(200, "{}"); });
  OutcomeOf(ProbeOf(server.port()));
  EXPECT_THAT(server.requests(), ElementsAre(kRequest));
}

TEST(HttpProbe, GivesUpOnAHangingBackendWhenTheTimeIsOver) {
  RawServer server([](const std::string&) { return std::nullopt; });
  Probe probe = ProbeOf(server.port());
  probe.timeout = milliseconds(200);
  const ProbeOutcome outcome = OutcomeOf(std::move(probe));
  EXPECT_FALSE(outcome.healthy);
  EXPECT_EQ(outcome.detail, "it took too long to answer");
}

TEST(HttpProbe, SaysWhenNobodyListens) {
  const RefusingPort refusing;
  const ProbeOutcome outcome = OutcomeOf(ProbeOf(refusing.port()));
  EXPECT_FALSE(outcome.healthy);
  EXPECT_EQ(outcome.detail, "it failed to accept a connection: Connection refused");
}

TEST(HttpProbe, TriesTheAddressesInTurn) {
  const RefusingPort refusing;
  RawServer server([](const std::string&) { return HttpAnswer(200, "{}"); });
  Probe probe = ProbeOf(server.port());
  probe.addresses = {Loopback(refusing.port()), Loopback(server.port())};
  EXPECT_TRUE(OutcomeOf(std::move(probe)).healthy);
}

TEST(HttpProbe, SpeaksTlsAndVerifiesTheBackend) {
  const test_support::SelfSigned files("engine");
  const test_support::SelfSigned stranger("stranger");
  RawServer server(
      [](const std::string&) { return HttpAnswer(200, "{}"); },
      *net::MakeServerTls({.certificate = files.certificate, .key = files.key, .client_ca = ""}));
  const struct {
    std::string host;
    std::string ca_file;
    bool healthy;
  } cases[] = {
      {"localhost", files.certificate, true},
      {"127.0.0.1", files.certificate, true},
      {"engine.example", files.certificate, false},
      {"localhost", stranger.certificate, false},
  };
  for (const auto& c : cases) {
    Probe probe = ProbeOf(server.port());
    probe.host = c.host;
    probe.tls = *net::MakeClientTls(c.ca_file);
    const ProbeOutcome outcome = OutcomeOf(std::move(probe));
    EXPECT_EQ(outcome.healthy, c.healthy) << c.host << ": " << outcome.detail;
    if (!c.healthy) {
      EXPECT_THAT(outcome.detail, HasSubstr("it failed to agree on TLS: ")) << c.host;
    }
  }
}

TEST(HttpProbe, MayBeDroppedOnItsWay) {
  RawServer server([](const std::string&) { return std::nullopt; });
  bool called = false;
  {
    boost::asio::io_context io;
    StartProbe(io, ProbeOf(server.port()), [&](const ProbeOutcome&) { called = true; });
    while (server.requests().empty()) io.run_for(milliseconds(10));
  }
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace vllm_router::health
