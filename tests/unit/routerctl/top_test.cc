// `routerctl top` as a whole: the real binary in a terminal, against a scripted router.
#include <csignal>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_admin.h"
#include "tests/unit/routerctl/pty_process.h"
#include "tests/unit/routerctl/run_command.h"
#include "tests/unit/routerctl/top_stats.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl {
namespace {

using test_support::FakeAdmin;
using test_support::PtyProcess;
using test_support::Script;
using ::testing::HasSubstr;
using ::testing::Not;

v1::StatsTable Table(uint64_t requests) {
  v1::StatsTable table;
  *table.mutable_router()->mutable_traffic() = Traffic(requests, 0, 1);
  table.mutable_router()->set_generation(9);
  *table.add_backends() = Backend("quick", Traffic(requests));
  *table.add_backends() = Backend("idle", Traffic(0));
  table.add_models()->set_model("llama");
  return table;
}

Script Snapshot() { return Script().Send(StatsEvent(Table(1000), 100, 100)); }

class TopTest : public ::testing::Test {
 protected:
  TopTest() {
    v1::GetServerInfoResponse info;
    info.set_version("1.2.3");
    admin_.Answer("GetServerInfo", info);
    v1::WatchConfigResponse config;
    config.set_generation(9);
    config.mutable_snapshot();
    admin_.Add("WatchConfig", Script().Send(config));
  }

  PtyProcess Start(const std::string& terminal = "vt52") {
    return PtyProcess({ROUTER_BINARY_DIR "/routerctl", "top", "--interval", "200ms"},
                      {"TERM=" + terminal, "ROUTERCTL_ADDRESS=" + admin_.address()});
  }

  FakeAdmin admin_;
};

TEST_F(TopTest, ShowsFiguresTakesKeysAndLeavesTheTerminalAsItWas) {
  admin_.Add("WatchStats", Snapshot().Send(StatsEvent(Table(42), 101, 1)));
  PtyProcess top = Start();
  EXPECT_TRUE(top.WaitForText("vllm-router 1.2.3  " + admin_.address() + "  generation 9"));
  EXPECT_TRUE(top.WaitForText("\nqps 42  running 3"));
  EXPECT_TRUE(top.WaitForText("\nquick"));
  EXPECT_TRUE(top.WaitForText("1-2 of 2 backends  by QPS down"));
  top.Type("2");
  EXPECT_TRUE(top.WaitForText("\nllama"));
  top.Type("1r/IDLE\r");
  EXPECT_TRUE(top.WaitForText("1-1 of 1 (2) backends  by QPS up  filter: IDLE"));
  EXPECT_THAT(top.Text(), Not(HasSubstr("quick")));
  top.Type("\x1b");
  EXPECT_TRUE(top.WaitForText("\nquick"));
  top.Resize(40, 10);
  EXPECT_TRUE(top.WaitForText("1-2 of 2 backends  by QPS up  ? help  q~\n"));
  EXPECT_THAT(top.Text(), Not(HasSubstr("TTFT-P")));
  top.Resize(100, 30);
  EXPECT_TRUE(top.WaitForText("TTFT-P99"));
  EXPECT_FALSE(top.IsRestored());
  top.Type("q");
  EXPECT_EQ(top.WaitForExit(), 0);
  EXPECT_TRUE(top.IsRestored());
}

TEST_F(TopTest, AsksAnewForAnotherInterval) {
  admin_.Add("WatchStats", Snapshot());
  PtyProcess top = Start();
  EXPECT_TRUE(top.WaitForText("every 200ms"));
  top.Type("+");
  EXPECT_TRUE(top.WaitForText("every 500ms"));
  admin_.WaitForCalls("WatchStats", 2);
  const auto requests = admin_.Requests<v1::WatchStatsRequest>("WatchStats");
  EXPECT_EQ(requests[0].min_interval().nanos(), 200000000);
  EXPECT_EQ(requests[1].min_interval().nanos(), 500000000);
  // Ctrl-C.
  top.Type("\x03");
  EXPECT_EQ(top.WaitForExit(), 0);
  EXPECT_TRUE(top.IsRestored());
}

TEST_F(TopTest, WaitsForARouterThatIsAway) {
  const grpc::Status gone(grpc::StatusCode::UNAVAILABLE, "restarting");
  admin_.Add("WatchStats", Snapshot().End(gone));
  admin_.Refuse("WatchStats", gone);
  PtyProcess top = Start();
  EXPECT_TRUE(top.WaitForText("reconnecting, figures are "));
  EXPECT_TRUE(top.WaitForText("old: restarting\n"));
  EXPECT_TRUE(top.WaitForText("\nquick"));
  admin_.Add("WatchStats", Snapshot().Send(StatsEvent(Table(77), 101, 1)));
  EXPECT_TRUE(top.WaitForText("\nqps 77  "));
  EXPECT_TRUE(top.WaitForText("latencies of 1s\nBACKEND"));
  top.Type("q");
  EXPECT_EQ(top.WaitForExit(), 0);
}

TEST_F(TopTest, RestoresTheTerminalWhenASignalEndsIt) {
  admin_.Add("WatchStats", Snapshot());
  for (const int number : {SIGTERM, SIGHUP, SIGQUIT}) {
    PtyProcess top = Start();
    EXPECT_TRUE(top.WaitForText("\nquick"));
    top.Signal(number);
    EXPECT_EQ(top.WaitForExit(), 128 + number);
    EXPECT_TRUE(top.IsRestored());
  }
}

TEST_F(TopTest, LeavesTheOtherScreenOfATerminalThatHasOne) {
  admin_.Refuse("WatchStats", {grpc::StatusCode::UNIMPLEMENTED, "no such method"});
  PtyProcess top = Start("xterm-256color");
  EXPECT_EQ(top.WaitForExit(), 1);
  EXPECT_TRUE(top.IsRestored());
  const size_t left = top.output().rfind("\x1b[?1049l");
  ASSERT_NE(left, std::string::npos);
  EXPECT_THAT(top.output().substr(left),
              HasSubstr("does not know RPC WatchStats; it is version 1.2.3"));
}

TEST_F(TopTest, DoesWithoutTheConfiguration) {
  FakeAdmin old;
  old.Answer("GetServerInfo", v1::GetServerInfoResponse());
  old.Add("WatchStats", Snapshot());
  PtyProcess top({ROUTER_BINARY_DIR "/routerctl", "top", "--address", old.address()},
                 {"TERM=vt52"});
  EXPECT_TRUE(top.WaitForText("\nquick"));
}

TEST_F(TopTest, DoesNotTouchTheScreenWhenNobodyListens) {
  std::string address;
  {
    const FakeAdmin gone;
    address = gone.address();
  }
  PtyProcess top({ROUTER_BINARY_DIR "/routerctl", "top", "--address", address},
                 {"TERM=xterm-256color"});
  EXPECT_EQ(top.WaitForExit(), 6);
  EXPECT_THAT(top.output(), HasSubstr("cannot reach the router at " + address));
  EXPECT_THAT(top.output(), Not(HasSubstr("\x1b[?1049h")));
}

TEST_F(TopTest, RefusesATerminalThatCannot) {
  admin_.Add("WatchStats", Snapshot());
  for (const std::string terminal : {"dumb", "no-such-terminal"}) {
    PtyProcess top = Start(terminal);
    EXPECT_EQ(top.WaitForExit(), 2);
    EXPECT_THAT(top.output(), HasSubstr("\"" + terminal + "\""));
    EXPECT_TRUE(top.IsRestored());
  }
}

TEST(Top, IsNotForPrograms) {
  const Outcome outcome = RunIn({}, {"top"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("use: routerctl stats --watch"));
  const Outcome json = RunIn({.terminal = true}, {"top", "-o", "json"});
  EXPECT_EQ(json.code, 2);
  EXPECT_THAT(json.err, HasSubstr("routerctl stats --watch -o json"));
}

}  // namespace
}  // namespace vllm_router::routerctl
