// The screen of `routerctl top` as lines: tables, keys, sizes.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/routerctl/top_stats.h"
#include "tools/routerctl/table.h"
#include "tools/routerctl/top/page.h"

namespace vllm_router::routerctl::top {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

const absl::Time kNow = absl::FromUnixSeconds(5000);

// Of `backends` backends, "b0" the least and the last the most busy, and one second of traffic.
State Fleet(int backends) {
  v1::StatsTable table;
  table.mutable_router()->set_generation(7);
  table.mutable_router()->set_queued_requests(3);
  table.mutable_router()->set_client_connections(44);
  table.mutable_router()->set_resident_bytes(126 << 20);
  *table.mutable_router()->mutable_traffic() = Traffic(200, 10, 1);
  for (int i = 0; i < backends; ++i) {
    *table.add_backends() = Backend("b" + std::to_string(i), Traffic(static_cast<uint64_t>(i)));
  }
  v1::ModelStats* model = table.add_models();
  model->set_model("llama");
  model->set_ready_backends(1);
  model->set_total_backends(2);
  table.add_shards()->set_index(0);
  table.add_shards()->set_index(1);
  State state;
  state.version = "1.2.3";
  state.TakeStats(StatsEvent(v1::StatsTable(), 99, 99), kNow);
  state.TakeStats(StatsEvent(table, 100, 1), kNow);
  return state;
}

std::string Text(const std::vector<Line>& lines) {
  std::string text;
  for (const Line& line : lines)
    text += line.text.substr(0, line.text.find_last_not_of(' ') + 1) + "\n";
  return text;
}

class PageTest : public ::testing::Test {
 protected:
  std::string Show(const State& state, size_t width = 80, size_t height = 24) {
    return Text(page_.Lines(state, kNow, width, height));
  }
  void Type(const std::string& keys, const State& state = {}) {
    for (const char key : keys) page_.Press(static_cast<unsigned char>(key), state);
  }

  Page page_{"127.0.0.1:50051", absl::Seconds(1)};
};

TEST_F(PageTest, ShowsTheRouterAndItsBackends) {
  EXPECT_EQ(Show(Fleet(2), 120, 10),
            "vllm-router 1.2.3  127.0.0.1:50051  generation 7  up 1m40s  every 1s\n"
            "qps 200  running 3 (prefill 1, decode 2)  queued 3  errors 10/s (5.0%)  "
            "TTFT p50 10ms p99 10ms  tokens/s 2.0k\n"
            "clients 44  cpu 0%  rss 126MiB  latencies of 1s\n"
            "BACKEND      STATE          QPS PREFILL DECODE TTFT-P50 TTFT-P99 ITL-P50 ITL-P99 "
            "E2E-P99 TOK/S ERR/S  OPEN  IDLE   KV\n"
            "b1           healthy        1.0       1      2      1ms      1ms       -       -"
            "       -    10     0     0     0    -\n"
            "b0           healthy          0       1      2        -        -       -       -"
            "       -     0     0     0     0    -\n"
            "\n\n\n"
            "1-2 of 2 backends  by QPS down  ? help  q quit\n");
}

TEST_F(PageTest, FitsEverySize) {
  const State state = Fleet(50);
  for (const std::string key : {"1", "2", "3", "?", "/"}) {
    Type(key);
    for (size_t width = 0; width < 140; width += 3) {
      for (size_t height = 0; height < 40; ++height) {
        const std::vector<Line> lines = page_.Lines(state, kNow, width, height);
        EXPECT_LE(lines.size(), height);
        for (const Line& line : lines) EXPECT_EQ(DisplayWidth(line.text), width);
      }
    }
  }
}

TEST_F(PageTest, DropsColumnsByTheirWorth) {
  const State state = Fleet(2);
  EXPECT_THAT(Show(state, 80), AllOf(HasSubstr("TTFT-P99"), HasSubstr("ERR/S"), HasSubstr("TOK/S"),
                                     Not(HasSubstr("IDLE"))));
  EXPECT_THAT(Show(state, 40),
              AllOf(HasSubstr("STATE"), HasSubstr("QPS"), Not(HasSubstr("TTFT-P"))));
  EXPECT_THAT(Show(state, 10), HasSubstr("\nb1\n"));
}

TEST_F(PageTest, ChangesTables) {
  const State state = Fleet(2);
  Type("2");
  EXPECT_THAT(Show(state), AllOf(HasSubstr("\nMODEL "), HasSubstr("\nllama              1/2")));
  Type("\t");
  EXPECT_THAT(Show(state), AllOf(HasSubstr("\nSHARD "), HasSubstr("1-2 of 2 shards  by SHARD up")));
  Type("1");
  EXPECT_THAT(Show(state), HasSubstr("\nBACKEND "));
}

TEST_F(PageTest, Sorts) {
  const State state = Fleet(20);
  EXPECT_THAT(Show(state), HasSubstr("STATE          QPS PREFILL DECODE TTFT-P50"));
  EXPECT_LT(Show(state).find("\nb19"), Show(state).find("\nb18"));
  Type("r");
  EXPECT_LT(Show(state).find("\nb1 "), Show(state).find("\nb2 "));
  Type("sS");
  EXPECT_THAT(Show(state), HasSubstr("by QPS down"));
  Type("SS");
  EXPECT_THAT(Show(state), HasSubstr("by BACKEND up"));
  EXPECT_LT(Show(state).find("\nb0 "), Show(state).find("\nb10 "));
  Type("S");
  EXPECT_THAT(Show(state), HasSubstr("by KV down"));
}

TEST_F(PageTest, Filters) {
  const State state = Fleet(20);
  Type("/B1");
  EXPECT_THAT(Show(state), HasSubstr("filter: B1_\n"));
  Type("x");
  page_.Press(kKeyBackspace, state);
  page_.Press(kKeyEnter, state);
  EXPECT_THAT(Show(state), AllOf(HasSubstr("1-11 of 11 (20) backends"), HasSubstr("filter: B1"),
                                 Not(HasSubstr("\nb2 "))));
  Type("/ :8000 zzz");
  EXPECT_THAT(Show(state), Not(HasSubstr("\nb1")));
  page_.Press(kKeyEnter, state);
  EXPECT_THAT(Show(state), HasSubstr("none of 0 (20) backends"));
  page_.Press(kKeyEscape, state);
  EXPECT_THAT(Show(state), HasSubstr("of 20 backends"));
  // Keys are letters while a filter is typed.
  Type("/q");
  EXPECT_FALSE(page_.done());
}

TEST_F(PageTest, ScrollsThroughAThousandBackends) {
  const State state = Fleet(1000);
  EXPECT_THAT(Show(state), AllOf(HasSubstr("\nb999"), HasSubstr("1-18 of 1000")));
  page_.Press(kKeyDown, state);
  EXPECT_THAT(Show(state), AllOf(Not(HasSubstr("\nb999")), HasSubstr("2-19 of 1000")));
  page_.Press(kKeyPageDown, state);
  EXPECT_THAT(Show(state), HasSubstr("20-37 of 1000"));
  page_.Press(kKeyPageUp, state);
  page_.Press(kKeyUp, state);
  page_.Press(kKeyUp, state);
  EXPECT_THAT(Show(state), HasSubstr("1-18 of 1000"));
  page_.Press(kKeyEnd, state);
  page_.Press(kKeyDown, state);
  EXPECT_THAT(Show(state), AllOf(HasSubstr("983-1000 of 1000"), HasSubstr("\nb0 ")));
  // A taller window shows more, not nothing.
  EXPECT_THAT(Show(state, 80, 40), HasSubstr("967-1000 of 1000"));
  page_.Press(kKeyHome, state);
  EXPECT_THAT(Show(state), HasSubstr("1-18 of 1000"));
}

TEST_F(PageTest, PausesAndGoesOn) {
  Type(" ", Fleet(2));
  EXPECT_THAT(Show(Fleet(5)), HasSubstr("PAUSED  1-2 of 2"));
  Type(" ");
  EXPECT_THAT(Show(Fleet(5)), HasSubstr("1-5 of 5"));
}

TEST_F(PageTest, ChangesTheInterval) {
  EXPECT_EQ(page_.interval(), absl::Seconds(1));
  Type("-");
  EXPECT_EQ(page_.interval(), absl::Milliseconds(500));
  Type("+++");
  EXPECT_EQ(page_.interval(), absl::Seconds(5));
  Type("++++++++");
  EXPECT_EQ(page_.interval(), absl::Minutes(1));
  Type("----------");
  EXPECT_EQ(page_.interval(), absl::Milliseconds(100));
  Page hourly("x", absl::Hours(1));
  hourly.Press('+', {});
  EXPECT_EQ(hourly.interval(), absl::Hours(1));
}

TEST_F(PageTest, HelpsAndQuits) {
  Type("?");
  EXPECT_THAT(Show(Fleet(1)), HasSubstr("scroll, also j k"));
  Type("s");
  EXPECT_THAT(Show(Fleet(1)), HasSubstr("by QPS down"));
  Type("?q");
  EXPECT_TRUE(page_.done());
}

TEST_F(PageTest, KeepsTheLastFiguresOfARouterThatIsAway) {
  State state = Fleet(2);
  state.trouble = absl::UnavailableError("connection refused");
  const std::vector<Line> lines = page_.Lines(state, kNow + absl::Seconds(12), 80, 24);
  EXPECT_THAT(Text(lines), AllOf(HasSubstr("reconnecting, figures are 12s old: connection refused"),
                                 HasSubstr("\nb1 ")));
  for (const Line& line : lines) {
    if (line.text.substr(0, 3) == "b1 ") {
      EXPECT_EQ(line.style, Style::kDim);
    }
  }
  state.trouble = absl::OkStatus();
  EXPECT_THAT(Text(page_.Lines(state, kNow + absl::Seconds(7), 80, 24)),
              HasSubstr("no news, figures are 7s old\n"));
}

TEST_F(PageTest, CountsDownToTheEndOfAPendingCommit) {
  State state = Fleet(1);
  v1::WatchConfigResponse event;
  event.set_generation(8);
  event.mutable_pending_commit()->set_generation(8);
  event.mutable_pending_commit()->set_commit_id("c-1");
  event.mutable_pending_commit()->mutable_expire_time()->set_seconds(kRouterStart + 160);
  state.TakeConfig(event);
  EXPECT_THAT(
      Text(page_.Lines(state, kNow + absl::Seconds(2), 80, 24)),
      HasSubstr("generation 8 is taken back in 58s unless: routerctl config confirm c-1\n"));
}

TEST_F(PageTest, WaitsForTheFirstFigures) {
  EXPECT_THAT(Show(State()), StartsWith("waiting for the router at 127.0.0.1:50051\n"));
}

TEST(Sheet, HoldsNoControlCharacters) {
  EXPECT_EQ(Fitted("a\x1b[31mb", 10), "a?[31mb   ");
  EXPECT_EQ(Fitted("abcdef", 4), "abc~");
  EXPECT_EQ(Fitted("äöüß", 3), "äö~");
  EXPECT_EQ(Fitted("7", 3, true), "  7");
}

}  // namespace
}  // namespace vllm_router::routerctl::top
