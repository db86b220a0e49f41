#include "server/net/event_loop.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/net/turns.h"

namespace vllm_router::net {
namespace {

using testing::ElementsAre;

// Runs `action` when it is destroyed.
class Mortal final : public Retirable {
 public:
  explicit Mortal(std::function<void()> action) : action_(std::move(action)) {}
  ~Mortal() override { action_(); }

 private:
  std::function<void()> action_;
};

class RecordingHandler final : public EventHandler {
 public:
  void OnEvents(uint32_t events) override { seen.push_back(events); }
  std::vector<uint32_t> seen;
};

class CallbackTimer final : public Timer {
 public:
  explicit CallbackTimer(std::function<void()> action) : action_(std::move(action)) {}

 private:
  void OnTimer() override { action_(); }
  std::function<void()> action_;
};

struct SocketPair {
  SocketPair() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    ours = fds[0];
    theirs = fds[1];
  }
  ~SocketPair() {
    ::close(ours);
    if (theirs >= 0) ::close(theirs);
  }
  void CloseTheirs() { ::close(std::exchange(theirs, -1)); }
  int ours;
  int theirs;
};

TEST(EventLoop, RunsTasksOfOneThreadInTheirOrder) {
  EventLoop loop;
  std::vector<int> ran;
  std::thread poster([&] {
    for (int i = 0; i < 1000; ++i) loop.Post([&ran, i] { ran.push_back(i); });
    loop.Post([&loop] { loop.Stop(); });
  });
  loop.Run();
  poster.join();
  ASSERT_EQ(ran.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(ran[i], i);
}

TEST(EventLoop, WakesFromItsSleepForEachTask) {
  EventLoop loop;
  std::thread thread([&] { loop.Run(); });
  for (int i = 0; i < 100; ++i) {
    std::promise<void> ran;
    loop.Post([&] { ran.set_value(); });
    EXPECT_EQ(ran.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  }
  loop.Stop();
  thread.join();
}

TEST(EventLoop, RunsWhatWasPostedBeforeStop) {
  EventLoop loop;
  bool ran = false;
  loop.Post([&] { ran = true; });
  loop.Stop();
  loop.Run();
  EXPECT_TRUE(ran);
}

TEST(EventLoop, RunsATaskThatATaskPostsInTheNextTurn) {
  EventLoop loop;
  std::vector<std::string> order;
  loop.Post([&] {
    loop.Post([&] { order.push_back("second task"); });
    loop.Defer([&] { order.push_back("end of the first turn"); });
  });
  Turn(loop);
  EXPECT_THAT(order, ElementsAre("end of the first turn"));
  Turn(loop);
  EXPECT_THAT(order, ElementsAre("end of the first turn", "second task"));
}

TEST(EventLoop, EndsATurnWithDeferredTasksAndThenTheRetired) {
  EventLoop loop;
  std::vector<std::string> order;
  loop.Post([&] {
    loop.Retire(std::make_unique<Mortal>([&] { order.push_back("destroyed"); }));
    loop.Defer([&] {
      order.push_back("deferred");
      loop.Defer([&] { order.push_back("deferred again"); });
    });
    order.push_back("task");
  });
  Turn(loop);
  EXPECT_THAT(order, ElementsAre("task", "deferred", "deferred again", "destroyed"));
}

TEST(EventLoop, EndsATurnOnlyWhenTheRetiredLeftNothingBehind) {
  EventLoop loop;
  std::vector<std::string> order;
  loop.Post([&] {
    loop.Retire(std::make_unique<Mortal>([&] {
      order.push_back("first");
      loop.Retire(std::make_unique<Mortal>([&] { order.push_back("second"); }));
      loop.Defer([&] { order.push_back("deferred"); });
    }));
  });
  Turn(loop);
  EXPECT_THAT(order, ElementsAre("first", "deferred", "second"));
}

TEST(EventLoop, DropsWhatIsLeftWhileItIsStillWhole) {
  auto loop = std::make_unique<EventLoop>();
  int destroyed = 0;
  bool ran = false;
  loop->Post([&, buffer = loop->buffers().Get(100)] { ran = true; });
  loop->Defer([&] { ran = true; });
  EventLoop* const raw = loop.get();
  loop->Retire(std::make_unique<Mortal>([&destroyed, raw] {
    ++destroyed;
    raw->Retire(std::make_unique<Mortal>([&destroyed] { ++destroyed; }));
    raw->Defer([timer = std::make_shared<CallbackTimer>([] {})] {});
  }));
  loop.reset();
  EXPECT_EQ(destroyed, 2);
  EXPECT_FALSE(ran);
}

TEST(EventLoop, TellsAHandlerOfNewsOnceAndNotOfRemovedDescriptors) {
  EventLoop loop;
  SocketPair pair;
  RecordingHandler handler;
  loop.Add(pair.ours, &handler);
  Turn(loop);
  ASSERT_EQ(handler.seen.size(), 1u) << "writable from the start";
  EXPECT_TRUE(handler.seen[0] & EPOLLOUT);
  EXPECT_FALSE(handler.seen[0] & EPOLLIN);

  ASSERT_EQ(::write(pair.theirs, "x", 1), 1);
  Turn(loop);
  Turn(loop);
  ASSERT_EQ(handler.seen.size(), 2u) << "unread bytes are no news";
  EXPECT_TRUE(handler.seen[1] & EPOLLIN);

  pair.CloseTheirs();
  Turn(loop);
  ASSERT_EQ(handler.seen.size(), 3u);
  EXPECT_TRUE(handler.seen[2] & EPOLLRDHUP);

  loop.Remove(pair.ours);
  ::shutdown(pair.ours, SHUT_RDWR);
  Turn(loop);
  EXPECT_EQ(handler.seen.size(), 3u);
}

TEST(EventLoop, FiresTimersByTheTimeOfTheTurn) {
  EventLoop loop;
  base::TimePoint fired_at{};
  CallbackTimer timer([&] {
    fired_at = loop.now();
    loop.Stop();
  });
  const base::TimePoint deadline = loop.now() + std::chrono::milliseconds(1);
  timer.ArmAt(loop.timers(), deadline);
  loop.Run();  // sleeps as the wheel says, and by itself only
  EXPECT_GE(fired_at, deadline);
}

TEST(EventLoop, KnowsItsThread) {
  EventLoop loop;
  std::optional<bool> inside;
  loop.Post([&] { inside = loop.InLoopThread(); });
  std::thread thread([&] { Turn(loop); });
  thread.join();
  EXPECT_EQ(inside, true);
  EXPECT_FALSE(loop.InLoopThread());
}

TEST(EventLoop, CountsItsTurns) {
  EventLoop loop;
  EXPECT_EQ(loop.turns(), 0u);
  Turn(loop);
  Turn(loop);
  EXPECT_EQ(loop.turns(), 2u);
  EXPECT_GE(loop.busy_ns(), loop.longest_turn_ns());
}

TEST(EventLoop, TellsHowLongEachTurnTook) {
  EventLoop loop;
  std::vector<base::Duration> took;
  loop.set_on_turn([&](base::Duration turn) { took.push_back(turn); });
  Turn(loop);
  Turn(loop);
  ASSERT_EQ(took.size(), 2u);
  EXPECT_EQ(static_cast<uint64_t>((took[0] + took[1]).count()), loop.busy_ns());
  loop.set_on_turn(nullptr);
  Turn(loop);
  EXPECT_EQ(took.size(), 2u);
}

TEST(EventLoop, KnowsTheProcessorTimeOfItsThread) {
  EventLoop loop;
  EXPECT_EQ(loop.cpu_time().count(), 0);
  base::Duration inside{0};
  std::thread thread([&] {
    loop.Post([&] {
      while (inside < std::chrono::milliseconds(2)) inside = loop.cpu_time();
    });
    Turn(loop);
  });
  thread.join();
  EXPECT_GE(inside, std::chrono::milliseconds(2));
  EXPECT_EQ(loop.cpu_time().count(), 0);
}

}  // namespace
}  // namespace vllm_router::net
