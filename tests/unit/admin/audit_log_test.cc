#include "server/admin/audit_log.h"

#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "tests/support/fake_clock.h"

namespace vllm_router::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::AuditEvent Event(const std::string& rpc, const std::string& actor = "anonymous") {
  v1::AuditEvent event;
  event.set_rpc(rpc);
  event.set_actor(actor);
  return event;
}

std::vector<std::string> Names(const v1::ListAuditEventsResponse& page) {
  std::vector<std::string> names;
  for (const auto& event : page.events()) names.push_back(event.name());
  return names;
}

class AuditLogTest : public testing::Test {
 protected:
  AuditLog::Options Small(size_t max_events = 100) {
    AuditLog::Options options;
    options.max_events = max_events;
    options.clock = &clock_;
    return options;
  }
  static std::vector<std::string> Listed(const AuditLog& log,
                                         const v1::ListAuditEventsRequest& request) {
    const auto page = log.List(request);
    EXPECT_TRUE(page.ok());
    return page.ok() ? Names(*page) : std::vector<std::string>{};
  }
  static std::string InvalidField(const base::Outcome<v1::ListAuditEventsResponse>& page) {
    if (page.ok() || page.failure().reason != "INVALID_FIELDS") return "";
    return page.failure().violations.front().field;
  }

  test_support::FakeClock clock_;
};

TEST_F(AuditLogTest, NumbersEventsFromOneAndListsTheNewestFirst) {
  AuditLog log(Small());
  EXPECT_EQ(log.newest(), 0u);
  EXPECT_EQ(log.Append(Event("ApplyConfig")), 1u);
  clock_.Advance(std::chrono::milliseconds(1500));
  EXPECT_EQ(log.Append(Event("DrainBackend")), 2u);
  const auto page = log.List({});
  ASSERT_TRUE(page.ok());
  EXPECT_THAT(Names(*page), ElementsAre("audit/2", "audit/1"));
  EXPECT_EQ(page->events(0).time().seconds(), 1767225601);
  EXPECT_EQ(page->events(0).time().nanos(), 500'000'000);
  EXPECT_EQ(page->next_page_token(), "");
}

TEST_F(AuditLogTest, KeepsControlCharactersOut) {
  AuditLog log(Small());
  v1::AuditEvent event = Event("ApplyConfig");
  event.set_reason(
      "a\n\x1b[31mb\x7f\xC2\x9B"
      "c \xC3\xA4");
  event.set_request_id("id\r\n");
  log.Append(event);
  const auto page = log.List({});
  EXPECT_EQ(page->events(0).reason(), "a  [31mb  c \xC3\xA4");
  EXPECT_EQ(page->events(0).request_id(), "id  ");
}

TEST_F(AuditLogTest, ForgetsTheOldestByNumberAndBySize) {
  AuditLog by_number(Small(2));
  for (int i = 0; i < 5; ++i) by_number.Append(Event("ApplyConfig"));
  EXPECT_THAT(Listed(by_number, {}), ElementsAre("audit/5", "audit/4"));

  AuditLog::Options options = Small();
  options.max_bytes = 2000;
  AuditLog by_size(std::move(options));
  v1::AuditEvent large = Event("ApplyConfig");
  large.set_error_message(std::string(900, 'x'));
  for (int i = 0; i < 5; ++i) by_size.Append(large);
  EXPECT_THAT(Listed(by_size, {}), ElementsAre("audit/5", "audit/4"));
  large.set_error_message(std::string(9000, 'x'));
  by_size.Append(large);
  EXPECT_THAT(Listed(by_size, {}), ElementsAre("audit/6"));
}

TEST_F(AuditLogTest, Filters) {
  AuditLog log(Small());
  v1::AuditEvent failed = Event("ApplyConfig", "token:ann");
  failed.set_grpc_code(10);
  log.Append(failed);
  clock_.Advance(std::chrono::seconds(10));
  v1::AuditEvent drain = Event("DrainBackend", "token:bob");
  drain.add_resources("backends/a");
  drain.add_resources("backends/b");
  log.Append(drain);
  clock_.Advance(std::chrono::seconds(10));
  log.Append(Event("SetLogLevel", "token:ann"));

  v1::ListAuditEventsRequest by_actor;
  by_actor.set_actor("token:ann");
  EXPECT_THAT(Listed(log, by_actor), ElementsAre("audit/3", "audit/1"));
  v1::ListAuditEventsRequest by_rpc;
  by_rpc.add_rpcs("DrainBackend");
  by_rpc.add_rpcs("SetLogLevel");
  EXPECT_THAT(Listed(log, by_rpc), ElementsAre("audit/3", "audit/2"));
  v1::ListAuditEventsRequest by_resource;
  by_resource.set_resource("backends/b");
  EXPECT_THAT(Listed(log, by_resource), ElementsAre("audit/2"));
  v1::ListAuditEventsRequest failures;
  failures.set_failed_only(true);
  EXPECT_THAT(Listed(log, failures), ElementsAre("audit/1"));
  v1::ListAuditEventsRequest by_time;  // from included, to excluded
  by_time.mutable_start_time()->set_seconds(1767225600);
  by_time.mutable_end_time()->set_seconds(1767225610);
  EXPECT_THAT(Listed(log, by_time), ElementsAre("audit/1"));
}

TEST_F(AuditLogTest, Pages) {
  AuditLog log(Small());
  for (int i = 0; i < 5; ++i) log.Append(Event("ApplyConfig"));
  v1::ListAuditEventsRequest request;
  request.set_page_size(2);
  auto page = log.List(request);
  EXPECT_THAT(Names(*page), ElementsAre("audit/5", "audit/4"));
  log.Append(Event("ApplyConfig"));  // moves nothing
  request.set_page_token(page->next_page_token());
  page = log.List(request);
  EXPECT_THAT(Names(*page), ElementsAre("audit/3", "audit/2"));
  request.set_page_token(page->next_page_token());
  request.set_page_size(1000);
  page = log.List(request);
  EXPECT_THAT(Names(*page), ElementsAre("audit/1"));
  EXPECT_EQ(page->next_page_token(), "");
}

TEST_F(AuditLogTest, EndsAPageThatWouldGrowTooLarge) {
  AuditLog::Options options = Small();
  options.max_page_bytes = 2000;
  AuditLog log(std::move(options));
  v1::AuditEvent large = Event("ApplyConfig");
  large.set_error_message(std::string(900, 'x'));
  for (int i = 0; i < 3; ++i) log.Append(large);
  v1::ListAuditEventsRequest request;
  const auto page = log.List(request);
  EXPECT_THAT(Names(*page), ElementsAre("audit/3", "audit/2"));
  request.set_page_token(page->next_page_token());
  EXPECT_THAT(Listed(log, request), ElementsAre("audit/1"));
}

TEST_F(AuditLogTest, RefusesWhatItDidNotMake) {
  AuditLog log(Small());
  for (int i = 0; i < 3; ++i) log.Append(Event("ApplyConfig"));
  v1::ListAuditEventsRequest request;
  request.set_page_size(1);
  const std::string token = log.List(request)->next_page_token();
  ASSERT_NE(token, "");

  std::string damaged = token;
  damaged[15] = damaged[15] == 'A' ? 'B' : 'A';
  AuditLog other(Small());
  for (const std::string& wrong :
       {std::string("x"), std::string(5000, 'A'), damaged, log.MakeResumeToken(1)}) {
    request.set_page_token(wrong);
    EXPECT_EQ(InvalidField(log.List(request)), "page_token") << wrong;
  }
  request.set_page_token(token);
  EXPECT_EQ(InvalidField(other.List(request)), "page_token");
  request.set_actor("token:ann");  // another query
  EXPECT_EQ(InvalidField(log.List(request)), "page_token");

  v1::ListAuditEventsRequest size;
  size.set_page_size(-1);
  EXPECT_EQ(InvalidField(log.List(size)), "page_size");
  size.set_page_size(1001);
  EXPECT_EQ(InvalidField(log.List(size)), "page_size");
}

TEST_F(AuditLogTest, LetsASlowReaderCountWhatItMissed) {
  AuditLog log(Small(3));
  for (int i = 0; i < 2; ++i) log.Append(Event("ApplyConfig"));
  AuditLog::Batch batch = log.ReadAfter(0, 1);
  ASSERT_EQ(batch.events.size(), 1u);
  EXPECT_EQ(batch.events[0]->name(), "audit/1");
  EXPECT_EQ(batch.last, 1u);
  for (int i = 0; i < 5; ++i) log.Append(Event("ApplyConfig"));  // 2 to 4 leave memory
  batch = log.ReadAfter(batch.last, 10);
  EXPECT_EQ(batch.skipped, 3u);
  ASSERT_EQ(batch.events.size(), 3u);
  EXPECT_EQ(batch.events[0]->name(), "audit/5");
  EXPECT_EQ(batch.last, 7u);
  batch = log.ReadAfter(batch.last, 10);
  EXPECT_THAT(batch.events, IsEmpty());
  EXPECT_EQ(batch.skipped, 0u);
  EXPECT_EQ(batch.last, 7u);
}

TEST_F(AuditLogTest, ResumesWhereAWatcherWas) {
  AuditLog log(Small(3));
  for (int i = 0; i < 4; ++i) log.Append(Event("ApplyConfig"));
  const auto reason = [&](const std::string& token) {
    const auto read = log.ReadResumeToken(token);
    return read.ok() ? std::to_string(*read) : read.failure().reason;
  };
  EXPECT_EQ(reason(log.MakeResumeToken(4)), "4");
  EXPECT_EQ(reason(log.MakeResumeToken(1)), "1");  // the next one, 2, is still there
  EXPECT_EQ(reason(log.MakeResumeToken(0)), "RESUME_TOKEN_EXPIRED");
  EXPECT_EQ(reason(AuditLog(Small()).MakeResumeToken(4)), "RESUME_TOKEN_EXPIRED");
  EXPECT_EQ(reason("nonsense"), "INVALID_FIELDS");
  EXPECT_EQ(reason(""), "INVALID_FIELDS");
}

TEST_F(AuditLogTest, TellsSubscribersOfNews) {
  AuditLog log(Small());
  int told = 0;
  uint64_t seen = 0;
  const uint64_t subscription = log.Subscribe([&] {
    ++told;
    seen = log.newest();  // reading is allowed
  });
  log.Append(Event("ApplyConfig"));
  log.Append(Event("ApplyConfig"));
  EXPECT_EQ(told, 2);
  EXPECT_EQ(seen, 2u);
  log.Unsubscribe(subscription);
  log.Append(Event("ApplyConfig"));
  EXPECT_EQ(told, 2);
}

TEST_F(AuditLogTest, LosesNothingBetweenManyWritersAndAReader) {
  AuditLog log(Small(100'000));
  constexpr uint64_t kEach = 500;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&] {
      for (uint64_t j = 0; j < kEach; ++j) log.Append(Event("ApplyConfig"));
    });
  }
  uint64_t after = 0;
  while (after < 4 * kEach) {
    const AuditLog::Batch batch = log.ReadAfter(after, 64);
    EXPECT_EQ(batch.skipped, 0u);
    for (const auto& event : batch.events) {
      EXPECT_EQ(event->name(), absl::StrFormat("audit/%d", ++after));
    }
    if (batch.events.empty()) std::this_thread::yield();
  }
  for (std::thread& writer : writers) writer.join();
}

}  // namespace
}  // namespace vllm_router::admin
