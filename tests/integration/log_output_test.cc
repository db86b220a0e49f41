// Logs on their way out: files that move, disks that are full, pipes that nobody reads, formats
// that change while requests run. Traffic never waits for any of it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <regex>

#include "tests/integration/access_log_stage.h"

namespace vllm_router::test {
namespace {

class LogOutput : public AccessLogTest {};

TEST_F(LogOutput, IsSwitchedWhileRequestsRun) {
  AddEngine();
  StartAdmin({"--shards", "1"});
  const auto ask = [this](const std::string& id) {
    EXPECT_EQ(Ask(Chat(WithId(id))).head.status, 200);
  };
  ask("never-1");
  SetLimits("access_log { format: ACCESS_LOG_FORMAT_TEXT }");
  ask("as-text");
  EXPECT_TRUE(router().WaitForLog(R"(^\[[-0-9: ,]+\] ACCESS: 127\.0\.0\.1 - )"
                                  R"("POST /v1/chat/completions HTTP/1\.1" 200 cause=completed )"
                                  R"(request_id=as-text model="m" backend=http://)"));
  SetLimits("access_log { format: ACCESS_LOG_FORMAT_JSON }");
  ask("as-json");
  EXPECT_TRUE(router().WaitForLog(R"(^\{"timestamp":.*"request_id":"as-json")"));
  SetLimits("access_log { format: ACCESS_LOG_FORMAT_OFF }");
  ask("never-2");
  SetLimits("access_log { format: ACCESS_LOG_FORMAT_TEXT }");
  ask("last");
  EXPECT_TRUE(router().WaitForLog("ACCESS: .*request_id=last "));
  for (const std::string& line : router().Log()) {
    const bool access = line.find("ACCESS") != line.npos || line.find(".access") != line.npos;
    EXPECT_FALSE(access && line.find("never-") != line.npos) << line;
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(LogOutput, TheLogsOwnFormatIsSwitchedToo) {
  AddEngine();
  StartAdmin();
  EXPECT_EQ(Ask(Chat(WithId("one"))).head.status, 200);
  EXPECT_TRUE(router().WaitForLog(R"(^\[.*\] INFO: Routing request one )"));
  SetLimits("log_format: LOG_FORMAT_JSON");
  EXPECT_EQ(Ask(Chat(WithId("two"))).head.status, 200);
  EXPECT_TRUE(router().WaitForLog(R"(^\{"timestamp":.*"message":"Routing request two )"));
  SetLimits("log_format: LOG_FORMAT_TEXT");
  EXPECT_EQ(Ask(Chat(WithId("three"))).head.status, 200);
  EXPECT_TRUE(router().WaitForLog(R"(^\[.*\] INFO: Routing request three )"));
  EXPECT_TRUE(EndsIdle());
}

TEST_F(LogOutput, FollowsAFileThatWasMovedAway) {
  AddEngine();
  StartLogging();
  Ask(Chat(WithId("before")));
  Settled();
  ASSERT_EQ(std::rename(path_.c_str(), (path_ + ".1").c_str()), 0);
  Ask(Chat(WithId("after")));
  EXPECT_EQ(End(Settled(), "after"), "200 \"completed\"");
  const std::vector<std::string> old = TextOf(path_ + ".1");
  ASSERT_EQ(old.size(), 2u);
  EXPECT_THAT(old[0], HasSubstr("\"before\""));
}

TEST_F(LogOutput, TrafficGoesOnWhenTheDiskIsFull) {
  AddEngine();
  StartAdmin({"--access-log", "text", "--access-log-file", "/dev/full"});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_TRUE(router().WaitForMetric("vllm_router_access_log_dropped_total", 20));
  EXPECT_EQ(router().Metric("vllm_router_log_dropped_bytes_total"), 0);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(LogOutput, TrafficGoesOnWhenNobodyReadsThePipe) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  AddEngine();
  StartAdmin({"--access-log", "text", "--access-log-file", path_});
  const auto dropped = [this] { return router().Metric("vllm_router_access_log_dropped_total"); };
  EXPECT_EQ(Ask(Chat()).head.status, 200);
  EXPECT_TRUE(router().WaitForMetric("vllm_router_access_log_dropped_total", 1));
  // With a reader that does not read, it takes what fits into a pipe.
  const int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  TestClient client = Connect();
  for (int i = 0; i < 1000 && dropped() < 2; ++i) {
    for (int j = 0; j < 20; ++j) EXPECT_EQ(client.Send(Chat()).Response().head.status, 200);
  }
  EXPECT_GE(dropped(), 2);
  std::string begun(16, 0);
  EXPECT_EQ(::read(reader, begun.data(), begun.size()), 16);
  EXPECT_EQ(begun.front(), '[');
  ::close(reader);
  EXPECT_EQ(client.Send(Chat()).Response().head.status, 200);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(LogOutput, APathThatCannotBeOpenedStopsTheStart) {
  RouterProcess router({"--static-backends", "http://127.0.0.1:1", "--static-models", "m",
                        "--access-log-file", directory_.path() + "/no/such"});
  EXPECT_EQ(router.WaitForExit(), 2);
  EXPECT_TRUE(router.WaitForLog("--access-log-file: .*/no/such: No such file"));
}

TEST_F(LogOutput, WhatIsQueuedIsWrittenAtTheEnd) {
  AddEngine();
  StartLogging();
  EXPECT_EQ(Ask(Chat(WithId("last"))).head.status, 200);
  router().Signal(SIGTERM);
  EXPECT_EQ(router().WaitForExit(), 0);
  EXPECT_EQ(End(Lines(), "last"), "200 \"completed\"");
}

TEST_F(LogOutput, WarningsOfEveryRequestAreSummedUp) {
  AddEngine();
  StartAdmin({"--max-instance-failover-reroute-attempts", "0", "--ejection-failures", "0"});
  engine(0).StopListening();
  constexpr size_t kRequests = 300;
  TestClient client = Connect();
  const auto began = std::chrono::steady_clock::now();
  for (size_t i = 0; i < kRequests; ++i) {
    EXPECT_EQ(client.Send(Chat()).Response().head.status, 502);
  }
  const auto seconds =
      std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - began).count();
  const std::regex more("WARNING: and ([0-9]+) more like this \\(transaction_attempt.cc:");
  size_t told = 0;
  EXPECT_TRUE(Eventually([&] {
    told = router().CountLog("failed on " + engine(0).url());
    for (const std::string& line : router().ErrorLog()) {
      std::smatch match;
      if (std::regex_search(line, match, more)) told += std::stoul(match[1]);
    }
    return told >= kRequests;
  }));
  EXPECT_EQ(told, kRequests);
  EXPECT_LE(router().CountLog("failed on " + engine(0).url()),
            10u * (static_cast<size_t>(seconds) + 1));
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
