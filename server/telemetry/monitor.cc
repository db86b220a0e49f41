#include "server/telemetry/monitor.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/base/log.h"
#include "server/base/low_priority.h"
#include "server/telemetry/families.h"
#include "server/telemetry/log_stats.h"

namespace vllm_router::telemetry {
namespace {

// The window of the means may be made shorter while the thread sleeps.
constexpr base::Duration kLongestSleep = std::chrono::seconds(2);

}  // namespace

// All families, for whoever collects them in prometheus-cpp's way.
class Monitor::Page final : public prometheus::Collectable {
 public:
  Page(const stats::Registry& registry, const Sources& sources, const Reader& reader)
      : registry_(registry), sources_(sources), reader_(reader) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    const Reading reading = reader_.Read(sources_.snapshot());
    telemetry::Page page;
    AddOriginalFamilies(reading, registry_, &page);
    AddHostFamilies(host_.Read(), &page);
    AddGenAiFamilies(reading, &page);
    AddTrafficFamilies(reading, registry_, &page);
    AddBackendFamilies(reading, &page);
    AddCallbackFamilies(sources_.callbacks(), &page);
    AddRouterFamilies(reading, registry_, sources_, &page);
    return page.Take();
  }

 private:
  const stats::Registry& registry_;
  const Sources& sources_;
  const Reader& reader_;
  mutable Host host_;  // the processors' use is a difference to the page before
};

Monitor::Monitor(const stats::Registry& registry, Sources sources)
    : registry_(registry),
      sources_(std::move(sources)),
      reader_(registry, clock_),
      page_(std::make_unique<Page>(registry_, sources_, reader_)) {}

Monitor::~Monitor() { Stop(); }

void Monitor::Start() {
  thread_ = std::thread([this] { Run(); });
  ::pthread_setname_np(thread_.native_handle(), "monitor");
}

void Monitor::Stop() {
  {
    base::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Monitor::Scrape(Scraped done) {
  {
    base::MutexLock lock(&mutex_);
    if (!stopped_) {
      scrapes_.push_back(std::move(done));
      changed_.notify_all();
      return;
    }
  }
  done(std::make_shared<std::string>());
}

void Monitor::SetLogInterval(std::optional<base::Duration> interval) {
  base::MutexLock lock(&mutex_);
  if (interval == log_interval_) return;
  log_interval_ = interval;
  if (interval) log_at_ = clock_.Now() + *interval;
  changed_.notify_all();
}

void Monitor::Run() {
  base::LowerPriority();  // nothing here is urgent, and a page of a large fleet takes long
  std::vector<Scraped> scrapes;
  while (Next(&scrapes)) {
    if (clock_.Now() >= RememberAt()) {
      remembered_at_ = clock_.Now();
      reader_.Remember(sources_.snapshot());
    }
    if (!scrapes.empty()) {
      last_page_ =
          std::make_shared<std::string>(prometheus::TextSerializer().Serialize(page_->Collect()));
      for (const Scraped& done : scrapes) done(last_page_);
      scrapes.clear();
    }
    LogStats();
  }
  for (const Scraped& done : scrapes) done(std::make_shared<std::string>());
}

bool Monitor::Next(std::vector<Scraped>* scrapes) {
  base::MutexLock lock(&mutex_);
  while (!stopped_ && scrapes_.empty() && clock_.Now() < NextTime()) {
    changed_.wait_until(mutex_, std::min(NextTime(), clock_.Now() + kLongestSleep));
  }
  std::swap(*scrapes, scrapes_);
  return !stopped_;
}

base::TimePoint Monitor::NextTime() const {
  return log_interval_ ? std::min(RememberAt(), log_at_) : RememberAt();
}

void Monitor::LogStats() {
  const base::TimePoint now = clock_.Now();
  {
    base::MutexLock lock(&mutex_);
    if (!log_interval_ || now < log_at_) return;
    log_at_ = now + *log_interval_;
  }
  const auto began = registry_.FirstAttempt();
  ROUTER_LOG(
      kInfo, "%s",
      LogStatsBlock(reader_.Read(sources_.snapshot()), began ? base::ToSeconds(now - *began) : 0));
}

}  // namespace vllm_router::telemetry
