#include "tools/routerctl/top/feed.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "absl/time/clock.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl::top {
namespace {

// How long a new interval, or the end, may have to wait for its thread.
constexpr absl::Duration kGlance = absl::Milliseconds(100);
constexpr absl::Duration kPause = absl::Seconds(1);
constexpr absl::Duration kVersionTimeout = absl::Seconds(2);

}  // namespace

Feed::Feed(const Client* client, absl::Duration interval)
    : client_(client),
      wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      interval_(interval),
      stats_([this] { FollowStats(); }),
      config_([this] { FollowConfig(); }) {}

Feed::~Feed() {
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
    stopped_.notify_all();
  }
  stats_.join();
  config_.join();
  ::close(wake_fd_);
}

void Feed::ClearWake() {
  eventfd_t count = 0;
  (void)::eventfd_read(wake_fd_, &count);
}

void Feed::SetInterval(absl::Duration interval) {
  base::MutexLock lock(&mutex_);
  interval_ = interval;
}

void Feed::Look(absl::FunctionRef<void(const State&)> look) const {
  base::MutexLock lock(&mutex_);
  look(state_);
}

bool Feed::reached() const {
  base::MutexLock lock(&mutex_);
  return reached_;
}

std::optional<absl::Status> Feed::end() const {
  base::MutexLock lock(&mutex_);
  return end_;
}

void Feed::FollowStats() {
  const auto info = client_->GetServerInfo({});
  if (!info.ok()) return End(info.status());
  {
    base::MutexLock lock(&mutex_);
    reached_ = true;
  }
  Change([&info](State& state) { state.version = info->version(); });
  while (!stopping_) {
    const absl::Duration now = interval();
    v1::WatchStatsRequest request;
    for (const auto scope : {v1::STATS_SCOPE_ROUTER, v1::STATS_SCOPE_MODELS,
                             v1::STATS_SCOPE_BACKENDS, v1::STATS_SCOPE_SHARDS}) {
      request.add_scopes(scope);
    }
    SetDuration(now, request.mutable_min_interval());
    const absl::Status status = ReadStats(*client_->WatchStats(request), now);
    if (status.ok()) continue;
    if (status.code() != absl::StatusCode::kUnavailable) return End(status);
    Change([&status](State& state) { state.trouble = status; });
    if (!Pause()) return;
  }
}

absl::Status Feed::ReadStats(StatsWatch& watch, absl::Duration interval) {
  while (!stopping_ && this->interval() == interval) {
    const absl::StatusOr<v1::WatchStatsResponse> event = watch.Next(absl::Now() + kGlance);
    if (event.ok()) {
      Change([&event](State& state) { state.TakeStats(*event, absl::Now()); });
      // Perhaps another process than before, so of another version.
      if (event->has_snapshot()) AskVersion();
    } else if (event.status().code() != absl::StatusCode::kDeadlineExceeded) {
      return event.status();
    } else if (!watch.trouble().ok()) {
      Change([&watch](State& state) { state.trouble = watch.trouble(); });
    }
  }
  return absl::OkStatus();
}

void Feed::AskVersion() {
  const auto info = client_->GetServerInfo({}, {.timeout = kVersionTimeout});
  if (info.ok()) Change([&info](State& state) { state.version = info->version(); });
}

// What it adds to the figures can be done without: a router that refuses it is no error.
void Feed::FollowConfig() {
  while (!stopping_) {
    const absl::Status status = ReadConfig(*client_->WatchConfig({}));
    if (status.code() != absl::StatusCode::kUnavailable || !Pause()) return;
  }
}

absl::Status Feed::ReadConfig(ConfigWatch& watch) {
  while (!stopping_) {
    const absl::StatusOr<v1::WatchConfigResponse> event = watch.Next(absl::Now() + kGlance);
    if (event.ok()) {
      Change([&event](State& state) { state.TakeConfig(*event); });
    } else if (event.status().code() != absl::StatusCode::kDeadlineExceeded) {
      return event.status();
    }
  }
  return absl::OkStatus();
}

void Feed::Change(absl::FunctionRef<void(State&)> change) {
  base::MutexLock lock(&mutex_);
  change(state_);
  (void)::eventfd_write(wake_fd_, 1);
}

void Feed::End(absl::Status status) {
  base::MutexLock lock(&mutex_);
  end_ = std::move(status);
  (void)::eventfd_write(wake_fd_, 1);
}

absl::Duration Feed::interval() const {
  base::MutexLock lock(&mutex_);
  return interval_;
}

bool Feed::Pause() {
  const auto until = absl::ToChronoTime(absl::Now() + kPause);
  base::MutexLock lock(&mutex_);
  while (!stopping_ && stopped_.wait_until(mutex_, until) == std::cv_status::no_timeout) {
  }
  return !stopping_;
}

}  // namespace vllm_router::routerctl::top
