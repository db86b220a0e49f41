// TLS towards clients and towards engines.
#include "absl/strings/str_format.h"
#include "tests/integration/router_test.h"
#include "tests/support/replaced_file.h"
#include "tests/support/self_signed.h"
#include "tests/support/tls_client.h"

namespace vllm_router::test {
namespace {

using test_support::SelfSigned;

class Tls : public RouterTest {
 protected:
  void Start(std::vector<std::string> flags = {}) {
    certificate_.CopyOf(first_.certificate);
    key_.CopyOf(first_.key);
    engine_ = &AddEngine();
    flags.insert(flags.end(), {"--tls-cert", certificate_.path(), "--tls-key", key_.path()});
    StartRouter(std::move(flags));
  }
  // The whole answer, as text, to a request that asks for the end of the connection.
  std::string AskSecurely(std::string_view request, const TlsClient::Options& options) {
    absl::StatusOr<TlsClient> client = TlsClient::Connect(port(), options);
    if (!client.ok()) return std::string(client.status().message());
    if (const absl::Status sent = client->Send(request); !sent.ok()) {
      return std::string(sent.message());
    }
    const absl::StatusOr<std::string> answer = client->ReadUntilEnd();
    return answer.ok() ? *answer : std::string(answer.status().message());
  }
  // What EndsIdle does, on a port that takes no plain requests.
  bool EndsIdleSecurely() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    do {
      const std::string page =
          AskSecurely(Get("/metrics", "Connection: close\r\n"), {first_.certificate});
      if (MetricSum(page, "vllm_router_backend_in_flight") == 0 &&
          MetricSum(page, "vllm_router_active_requests") == 0) {
        return true;
      }
    } while (std::chrono::steady_clock::now() < until);
    return false;
  }

  const SelfSigned first_{"first"};
  const SelfSigned second_{"second"};
  ReplacedFile certificate_{"cert"};
  ReplacedFile key_{"key"};
  FakeEngine* engine_ = nullptr;
};

TEST_F(Tls, ServesClientsOverHttps) {
  Start();
  EXPECT_TRUE(router().WaitForLog("serves on https://"));
  const std::string answer = AskSecurely(Chat("Connection: close\r\n"), {first_.certificate});
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("chat.completion"));
  EXPECT_EQ(Seen(*engine_).Header("x-forwarded-proto"), "https");
  EXPECT_TRUE(EndsIdleSecurely());
}

TEST_F(Tls, SendsEachEventAtOnce) {
  Start();
  engine_->Hold(true);
  absl::StatusOr<TlsClient> client = TlsClient::Connect(port(), {first_.certificate});
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(client->Alpn(), "http/1.1");
  ASSERT_TRUE(client->Send(ChatStream()).ok());
  const uint64_t id = engine_->WaitForHeld();
  ASSERT_NE(id, 0u);
  engine_->Send(id, kStreamHead);
  for (int i = 0; i < 5; ++i) {
    const std::string event = absl::StrFormat("data: %d\n\n", i);
    engine_->Send(id, Chunk(event));
    ASSERT_TRUE(client->ReadUntil(event).ok());
  }
  // One large answer in many records.
  const std::string large(1u << 20, 'x');
  engine_->Send(id, Chunk("data: " + large + "\n\n") + std::string(kLastChunk));
  engine_->Finish(id, End::kKeepAlive);
  const absl::StatusOr<std::string> rest = client->ReadUntil("\r\n0\r\n\r\n");
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_GT(rest->size(), large.size());
  EXPECT_TRUE(EndsIdleSecurely());
}

TEST_F(Tls, AClientThatLeavesStopsItsEngine) {
  Start();
  engine_->Hold(true);
  {
    absl::StatusOr<TlsClient> client = TlsClient::Connect(port(), {first_.certificate});
    ASSERT_TRUE(client.ok()) << client.status();
    ASSERT_TRUE(client->Send(Chat()).ok());
    ASSERT_NE(engine_->WaitForHeld(), 0u);
  }
  EXPECT_TRUE(engine_->WaitForAborts(1));
  EXPECT_TRUE(EndsIdleSecurely());
}

TEST_F(Tls, PlainRequestsGetNoAnswer) {
  Start();
  TestClient client = Connect();
  client.Send(Get("/health"));
  EXPECT_THAT(client.raw().ReadUntilEnd().value_or("no end"),
              testing::Not(HasSubstr("HTTP/1.1 200")));
  EXPECT_THAT(AskSecurely(Get("/health", "Connection: close\r\n"), {first_.certificate}),
              HasSubstr("healthy"));
}

TEST_F(Tls, ANewCertificateIsTakenUpWithoutARestart) {
  Start();
  absl::StatusOr<TlsClient> before = TlsClient::Connect(port(), {first_.certificate});
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_EQ(before->PeerName(), "first");

  key_.CopyOf(second_.key);
  certificate_.CopyOf(second_.certificate);
  ASSERT_TRUE(router().WaitForLog("certificate: read again"));
  // Had the check come between the two files, the certificate in force would have stayed until now.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string name;
  while (name != "second" && std::chrono::steady_clock::now() < until) {
    const absl::StatusOr<TlsClient> after = TlsClient::Connect(port(), {second_.certificate});
    if (after.ok()) name = after->PeerName();
  }
  EXPECT_EQ(name, "second");
  EXPECT_FALSE(TlsClient::Connect(port(), {first_.certificate}).ok());

  ASSERT_TRUE(before->Send(Get("/health", "Connection: close\r\n")).ok());
  EXPECT_THAT(before->ReadUntilEnd().value_or("cut"), HasSubstr("healthy"));
}

TEST_F(Tls, ABrokenCertificateChangesNothing) {
  Start();
  certificate_.Write("no certificate");
  EXPECT_TRUE(router().WaitForLog("certificate: what was in force stays"));
  EXPECT_THAT(AskSecurely(Get("/health", "Connection: close\r\n"), {first_.certificate}),
              HasSubstr("healthy"));
}

TEST_F(Tls, AClientMayHaveToShowACertificateOfItsOwn) {
  Start({"--tls-client-ca", second_.certificate});
  const std::string request = Get("/health", "Connection: close\r\n");
  EXPECT_THAT(AskSecurely(request, {first_.certificate}), testing::Not(HasSubstr("healthy")));
  EXPECT_THAT(AskSecurely(request, {first_.certificate, first_.certificate, first_.key}),
              testing::Not(HasSubstr("healthy")));
  EXPECT_THAT(AskSecurely(request, {first_.certificate, second_.certificate, second_.key}),
              HasSubstr("healthy"));
}

// A router with TLS stands in for an engine with TLS.
TEST_F(Tls, EnginesAreReachedOverHttpsAndChecked) {
  Start();
  const std::string backend = absl::StrFormat("https://127.0.0.1:%d", port());
  const std::vector<std::string> flags = {"--static-backends", backend, "--static-models", "m"};
  const auto with_ca = [&flags](const std::string& ca) {
    std::vector<std::string> all = flags;
    all.insert(all.end(), {"--backend-tls-ca", ca});
    return all;
  };
  RouterProcess front(with_ca(first_.certificate));
  ASSERT_TRUE(front.WaitUntilReady());
  for (int i = 0; i < 3; ++i) {
    const absl::StatusOr<RawResponse> answer = Fetch(front.port(), Chat());
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->head.status, 200);
  }
  const absl::StatusOr<RawResponse> stream = Fetch(front.port(), ChatStream());
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_THAT(stream->body, testing::EndsWith("data: [DONE]\n\n"));
  EXPECT_EQ(front.Metric("vllm_router_stale_connections_total"), 0);
  EXPECT_EQ(front.Metric("vllm_router_backend_connections_open"),
            front.Metric("vllm_router_backend_connections_idle"));
  EXPECT_TRUE(front.AllInFlightZero());

  RouterProcess wary(with_ca(second_.certificate));
  ASSERT_TRUE(wary.WaitUntilReady());
  const absl::StatusOr<RawResponse> refused = Fetch(wary.port(), Chat());
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->head.status, 502);
  EXPECT_EQ(ErrorCode(refused->body), "backend_connect_failed");
  EXPECT_TRUE(wary.AllInFlightZero());
  EXPECT_EQ(engine_->counters().requests, 4u);
}

TEST_F(Tls, NewAuthoritiesOfTheEnginesAreTakenUpWithoutARestart) {
  Start();
  ReplacedFile authorities("ca");
  authorities.CopyOf(second_.certificate);
  RouterProcess front({"--static-backends", absl::StrFormat("https://127.0.0.1:%d", port()),
                       "--static-models", "m", "--backend-tls-ca", authorities.path(),
                       "--ejection-failures", "0"});
  ASSERT_TRUE(front.WaitUntilReady());
  absl::StatusOr<RawResponse> answer = Fetch(front.port(), Chat());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->head.status, 502);
  authorities.CopyOf(first_.certificate);
  ASSERT_TRUE(front.WaitForLog("certificate authorities of the backends: read again"));
  answer = Fetch(front.port(), Chat());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->head.status, 200);
}

}  // namespace
}  // namespace vllm_router::test
