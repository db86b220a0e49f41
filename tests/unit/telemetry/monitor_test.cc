#include "server/telemetry/monitor.h"

#include <gmock/gmock.h>

#include <future>

#include "tests/unit/telemetry/stage.h"

namespace vllm_router::telemetry {
namespace {

using testing::HasSubstr;

std::string Ask(Monitor& monitor) {
  std::promise<std::string> page;
  monitor.Scrape([&page](const auto& text) { page.set_value(*text); });
  return page.get_future().get();
}

TEST(Monitor, AnswersScrapes) {
  Stage stage;
  Monitor monitor(stage.registry, stage.Process());
  monitor.Start();
  EXPECT_THAT(Ask(monitor), HasSubstr("vllm_router_config_generation 7\n"));
  stage.Stream(0);
  EXPECT_THAT(Ask(monitor), HasSubstr("vllm:num_requests_running{server=\"http://a:1\"} 0\n"));
  monitor.Stop();
}

TEST(Monitor, ScrapesThatWaitTogetherShareAPage) {
  Stage stage;
  int readings = 0;
  Sources sources = stage.Process();
  std::promise<void> go;
  std::shared_future<void> may_go = go.get_future().share();
  sources.files = [&readings, may_go] {
    if (++readings == 1) may_go.wait();
    return std::vector<FileFigures>();
  };
  Monitor monitor(stage.registry, std::move(sources));
  monitor.Start();
  std::promise<void> first;
  monitor.Scrape([&first](const auto&) { first.set_value(); });
  // While that one is made, others come.
  std::atomic<int> answered{0};
  std::promise<void> all;
  for (int i = 0; i < 3; ++i) {
    monitor.Scrape([&](const auto& text) {
      EXPECT_FALSE(text->empty());
      if (++answered == 3) all.set_value();
    });
  }
  go.set_value();
  first.get_future().wait();
  all.get_future().wait();
  EXPECT_LE(readings, 2) << "the three may have been quicker than the thread";
  monitor.Stop();
}

TEST(Monitor, AnswersScrapesAfterItsEndWithNothing) {
  Stage stage;
  Monitor monitor(stage.registry, stage.Process());
  monitor.Start();
  monitor.Stop();
  EXPECT_EQ(Ask(monitor), "");
}

TEST(Monitor, LogsWhenItIsToldTo) {
  Stage stage;
  std::promise<void> read;
  std::atomic<int> readings{0};
  Sources sources = stage.Process();
  sources.snapshot = [&] {
    // The first is to remember, the second for the log.
    if (++readings == 2) read.set_value();
    return stage.snapshot;
  };
  testing::internal::CaptureStdout();
  {
    Monitor monitor(stage.registry, std::move(sources));
    monitor.Start();
    monitor.SetLogInterval(std::chrono::milliseconds(1));
    read.get_future().wait();
    monitor.Stop();
  }
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("Server: http://a:1\nModels:"));
}

}  // namespace
}  // namespace vllm_router::telemetry
