// Limits of requests and of what the router does with its engines, changed while it serves: a
// request keeps those that it began with, the next one meets the new ones.
#include <algorithm>

#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AdminLimits : public AdminTest {
 protected:
  // The first engine has been asked for its metrics, which is a connection of its own.
  bool WaitForScrape() {
    return engine(0).WaitUntil([](const Counters& seen) { return seen.scrapes > 0; });
  }
  // A body of `bytes` bytes, of which all but the last one is sent; the router is reading it.
  void BeginUpload(TestClient& client, size_t bytes) {
    client.Send(absl::StrFormat(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s%s", bytes,
        ChatBody(), std::string(bytes - ChatBody().size() - 1, ' ')));
    const auto reading = Proto<v1::ListInFlightRequest>("phases: REQUEST_PHASE_READING");
    ASSERT_TRUE(Eventually([&] {
      const auto list = admin().ListInFlight(reading);
      return list.ok() && list->entries_size() == 1;
    }));
  }
  v1::BackendStatus StatusOf(int index) {
    v1::GetBackendRequest request;
    request.set_name(BackendName(index));
    const auto backend = admin().GetBackend(request);
    EXPECT_TRUE(backend.ok()) << backend.status();
    return backend.ok() ? backend->backend().status() : v1::BackendStatus();
  }
  bool WaitForHealth(int index, v1::HealthState health) {
    return Eventually([&] { return StatusOf(index).health() == health; });
  }
};

TEST_F(AdminLimits, AnUploadIsMeasuredByTheLimitsThatItBeganWith) {
  AddEngine();
  StartAdmin({"--client-body-timeout-seconds", "3600", "--client-header-timeout-seconds", "3600"});
  TestClient upload = Connect();
  BeginUpload(upload, 2000);
  SetLimits(
      "max_request_body_bytes: 1000 client_body_timeout { nanos: 100000000 } "
      "client_header_timeout { nanos: 100000000 }");
  const RawResponse large = Ask(PostJson("/v1/chat/completions", std::string(1001, ' ')));
  EXPECT_EQ(large.head.status, 413);
  EXPECT_THAT(large.body, HasSubstr("1000"));
  TestClient slow = Connect();
  slow.Send("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{");
  EXPECT_EQ(slow.Response().head.status, 408);
  EXPECT_EQ(Ask("GET /health HTTP/1.1\r\n").head.status, 408);
  EXPECT_EQ(upload.Send(" ").Response().head.status, 200);
  EXPECT_EQ(Seen(engine(0)).body_bytes, 2000u);
  // On the same connection the next request is measured anew.
  EXPECT_EQ(upload.Send(PostJson("/v1/chat/completions", std::string(1001, ' '))).Head().status,
            413);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminLimits, HeadsAreMeasuredByTheNewLimit) {
  AddEngine();
  StartAdmin();
  const std::string request = Chat("X-Large: " + std::string(3000, 'x') + "\r\n");
  TestClient client = Connect();
  EXPECT_EQ(client.Send(request).Response().head.status, 200);
  SetLimits("max_header_bytes: 2048");
  EXPECT_EQ(client.Send(request).Response().head.status, 431);
  SetLimits("max_header_bytes: 4096");
  EXPECT_EQ(Ask(request).head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminLimits, EngineControlIsOpenedAndClosed) {
  AddEngine();
  StartAdmin();
  const std::string id = BackendName(0).substr(std::string("backends/").size());
  const std::string request = Get("/is_sleeping?id=" + id);
  EXPECT_EQ(Ask(request).head.status, 403);
  SetLimits("allow_engine_control: true");
  const RawResponse asked = Ask(request);
  EXPECT_EQ(asked.head.status, 200);
  EXPECT_THAT(asked.body, HasSubstr("false"));
  // A false is no set field, so the mask has to name it.
  const auto closed = admin().UpdateLimits(
      Proto<v1::UpdateLimitsRequest>(R"(limits {} update_mask { paths: "allow_engine_control" })"));
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_EQ(Ask(request).head.status, 403);
}

TEST_F(AdminLimits, EjectionIsMadeStricterAndTurnedOff) {
  AddEngine();
  AddEngine();
  StartAdmin({"--ejection-failures", "0", "--ejection-base-seconds", "3600",
              "--ejection-max-seconds", "3600"});
  engine(0).StopListening();
  EXPECT_THAT(Spread(8), ElementsAre(0, 8));
  EXPECT_EQ(StatusOf(0).breaker(), v1::BREAKER_STATE_CLOSED) << "off, whatever fails";
  SetLimits("ejection { failures: 1 base { seconds: 3600 } max { seconds: 3600 } }");
  EXPECT_THAT(Spread(2), ElementsAre(0, 2));
  const v1::BackendStatus ejected = StatusOf(0);
  EXPECT_EQ(ejected.breaker(), v1::BREAKER_STATE_OPEN);
  EXPECT_TRUE(ejected.has_ejected_until());
  EXPECT_EQ(StatusOf(1).breaker(), v1::BREAKER_STATE_CLOSED);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminLimits, HealthChecksAreTurnedOnAndOff) {
  AddEngine();
  AddEngine();
  StartAdmin();
  EXPECT_EQ(StatusOf(0).health(), v1::HEALTH_STATE_UNCHECKED);
  engine(0).SetFault({FaultKind::kStatus, 500});
  SetLimits("health_check { enabled: true interval { nanos: 50000000 } timeout { seconds: 5 } }");
  ASSERT_TRUE(WaitForHealth(0, v1::HEALTH_STATE_UNHEALTHY));
  ASSERT_TRUE(WaitForHealth(1, v1::HEALTH_STATE_HEALTHY));
  EXPECT_NE(StatusOf(0).health_message(), "");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Ask(Chat()).head.status, 200) << "not at the first one";
  SetLimits("health_check {}");
  ASSERT_TRUE(WaitForHealth(0, v1::HEALTH_STATE_UNCHECKED));
  engine(0).SetFault({});
  EXPECT_THAT(Spread(1).size(), 2u);
  const uint64_t checked = engine(0).counters().requests;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_EQ(engine(0).counters().requests, checked + 2) << "its turns again, and no check";
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminLimits, IdleConnectionsToEnginesAreKeptAsLongAsTheNewLimitSays) {
  fake_engine::Options options = WithModels({"m"});
  options.keep_alive = base::Duration(0);  // the engine closes none
  AddEngine(options);
  StartAdmin(
      {"--shards", "1", "--backend-pool-idle-seconds", "3600", "--engine-stats-interval", "3600"});
  ASSERT_TRUE(WaitForScrape());
  const uint64_t accepted = engine(0).counters().connections_accepted;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_EQ(engine(0).counters().connections_accepted, accepted + 1);
  SetLimits("backend_pool_idle { nanos: 100000000 }");
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_TRUE(engine(0).WaitForConnections(0));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminLimits, ABackendOutsideOfTheAllowedNetworksIsNotConnectedTo) {
  AddEngine();
  StartAdmin({"--shards", "1", "--max-instance-failover-reroute-attempts", "0",
              "--engine-stats-interval", "3600"});
  ASSERT_TRUE(WaitForScrape());
  const uint64_t accepted = engine(0).counters().connections_accepted;
  EXPECT_THAT(StatusOf(0).addresses(), ElementsAre("127.0.0.1"));
  SetLimits(R"(allowed_networks: "10.0.0.0/8" allowed_networks: "fd00::/8")");
  EXPECT_THAT(StatusOf(0).addresses(), IsEmpty());
  EXPECT_EQ(ErrorCode(Ask(Chat()).body), "backend_connect_failed");
  EXPECT_EQ(engine(0).counters().connections_accepted, accepted);
  SetLimits(R"(allowed_networks: "10.0.0.0/8" allowed_networks: "127.0.0.0/8")");
  EXPECT_EQ(Ask(Chat()).head.status, 200);
}

TEST_F(AdminLimits, EveryLimitThatIsOutOfRangeIsNamedWithItsValue) {
  AddEngine();
  StartAdmin();
  const std::vector<FieldViolation> violations =
      Violations(admin()
                     .UpdateLimits(Proto<v1::UpdateLimitsRequest>(R"(limits {
          max_connections: 7 max_request_body_bytes: 0 max_header_bytes: 65537 max_headers: 1001
          stream_buffer_bytes: 4095 callback_budget { seconds: 61 } drain_delay { seconds: -2 }
          queue_timeout { nanos: -5000000 } log_level: 99 log_format: 98
          access_log { format: 97 } ejection { failures: 1000001 }
          health_check { interval { nanos: 999 } } allowed_networks: "10.0.0.0/33" })"))
                     .status());
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"limits.max_request_body_bytes", "0 is not allowed: 1 to 17179869184"},
      {"limits.max_header_bytes", "65537 is not allowed"},
      {"limits.max_headers", "1001 is not allowed: 1 to 1000"},
      {"limits.stream_buffer_bytes", "4095 is not allowed"},
      {"limits.callback_budget", "61 s is not allowed"},
      {"limits.drain_delay", "-2 s is not allowed"},
      {"limits.queue_timeout", "-5 ms is not allowed: above 0, or 0 for off"},
      {"limits.log_level", "99"},
      {"limits.log_format", "98"},
      {"limits.access_log.format", "97"},
      {"limits.ejection.failures", "1000001 is not allowed"},
      {"limits.health_check.interval", "0.000999 ms is not allowed"},
      {"limits.allowed_networks[0]", "'10.0.0.0/33'"}};
  ASSERT_EQ(violations.size(), wanted.size());
  for (const auto& [field, text] : wanted) {
    const auto found = std::find_if(violations.begin(), violations.end(),
                                    [&](const FieldViolation& v) { return v.field == field; });
    ASSERT_NE(found, violations.end()) << field;
    EXPECT_THAT(found->description, HasSubstr(text)) << field;
  }
  EXPECT_EQ(Generation(), 1u);
  EXPECT_NE(admin().GetLimits({})->limits().max_connections(), 7u) << "not even the valid one";
}

}  // namespace
}  // namespace vllm_router::test
