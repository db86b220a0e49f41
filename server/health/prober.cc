#include "server/health/prober.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <string_view>
#include <thread>
#include <utility>

#include "server/base/log.h"
#include "server/base/rng.h"
#include "server/base/strings.h"
#include "server/health/checkup.h"
#include "server/health/verdict_tracker.h"
#include "server/health/waiting.h"
#include "server/net/resolver.h"
#include "server/net/tls.h"

namespace vllm_router::health {
namespace {

namespace asio = boost::asio;

struct Entry {
  Target target;
  VerdictTracker tracker;
  uint64_t serial = 0;  // tells outcomes of a target from those of what had its id before
  bool probing = false;
};

net::HostPort NameOf(const Target& target) { return {target.url.host, target.url.port}; }

constexpr std::string_view kStopped = "the router is shutting down";
constexpr std::string_view kToBeConfirmed = "the last check went well, another one has to follow";

fleet::HealthState StateOf(bool healthy, bool sleeping) {
  if (healthy) return fleet::HealthState::kHealthy;
  return sleeping ? fleet::HealthState::kSleeping : fleet::HealthState::kUnhealthy;
}

void LogTurn(const Target& target, Verdict before, bool healthy, const std::string& detail) {
  if (!healthy) {
    ROUTER_LOG(kWarning, "health check: %s is down for model %s: %s", target.url.text,
               base::Printable(target.model), detail);
  } else if (before == Verdict::kDown) {
    ROUTER_LOG(kInfo, "health check: %s is up again for model %s", target.url.text,
               base::Printable(target.model));
  }
}

}  // namespace

class Prober::Impl {
 public:
  Impl(ProberOptions options, OnCheck on_check)
      : options_(std::move(options)),
        on_check_(std::move(on_check)),
        work_(io_.get_executor()),
        wake_(io_),
        rng_(base::Rng::FromEntropy()),
        schedule_(options_.schedule),
        tls_(options_.tls),
        resolver_({.quiet = true}, [this](const std::string& host, uint16_t port,
                                          std::vector<net::Address> addresses) {
          asio::post(io_, [this, name = net::HostPort(host, port),
                           addresses = std::move(addresses)]() mutable {
            addresses_[name] = std::move(addresses);
            TickSoon();
          });
        }) {}

  // What is left of probes on their way, connections included, goes with io_.
  ~Impl() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    waiting_.DeliverLast({.message = std::string(kStopped)});
  }

  void SetTargets(std::vector<Target> targets) {
    std::vector<net::HostPort> names;
    for (const Target& target : targets) {
      if (!net::ParseIpLiteral(target.url.host, target.url.port)) names.push_back(NameOf(target));
    }
    asio::post(io_, [this, targets = std::move(targets)]() mutable { Adopt(std::move(targets)); });
    resolver_.SetNames(std::move(names));
  }

  void SetTls(net::TlsContext tls) {
    asio::post(io_, [this, tls = std::move(tls)]() mutable { tls_ = std::move(tls); });
  }

  void SetSchedule(const ProbeSchedule& schedule) {
    asio::post(io_, [this, schedule] {
      const bool was_enabled = schedule_.enabled;
      schedule_ = schedule;
      const base::TimePoint now = base::Clock::Real().Now();
      for (auto& [id, entry] : entries_) {
        if (schedule.enabled && was_enabled) {
          entry.tracker.SetInterval(schedule.interval, now);
        } else {
          Forget(entry, now);
        }
      }
      Tick();
    });
  }

  void ProbeNow(const std::string& id, base::Duration timeout, ProbeDone done) {
    const auto serial = waiting_.Add(std::move(done));
    asio::post(io_, [this, id, timeout, serial] {
      const auto it = entries_.find(id);
      if (it == entries_.end()) {
        waiting_.Deliver(serial, {.message = "it is not known to the health checks"});
        return;
      }
      auto settled = [this, id, serial,
                      entry_serial = it->second.serial](const CheckupOutcome& outcome) {
        const auto entry = entries_.find(id);
        const bool same = entry != entries_.end() && entry->second.serial == entry_serial;
        if (same) Settle(entry->second, outcome);
        waiting_.Deliver(serial, {.health = StateOf(outcome.healthy, outcome.sleeping),
                                  .http_status = outcome.http_status,
                                  .message = outcome.healthy ? "" : outcome.detail,
                                  .latency = outcome.latency,
                                  .models = outcome.models});
      };
      StartCheckup(io_, CheckupOf(it->second, timeout, /*list_models=*/true), std::move(settled));
    });
  }

  void Start() {
    thread_ = std::thread([this] { io_.run(); });
    ::pthread_setname_np(thread_.native_handle(), "health");
  }

 private:
  void Adopt(std::vector<Target> targets) {
    const base::TimePoint now = base::Clock::Real().Now();
    std::map<std::string, Entry> wanted;
    std::map<net::HostPort, std::vector<net::Address>> addresses;
    for (Target& target : targets) {
      if (target.api_key.empty()) target.api_key = options_.api_key;
      if (const auto literal = net::ParseIpLiteral(target.url.host, target.url.port)) {
        addresses[NameOf(target)] = {*literal};
      } else if (const auto known = addresses_.find(NameOf(target)); known != addresses_.end()) {
        addresses.insert(*known);
      }
      const auto before = entries_.find(target.id);
      if (before != entries_.end() && !target.scheduled) Forget(before->second, now);
      if (before != entries_.end() && before->second.target == target) {
        wanted.insert(entries_.extract(before));
      } else {
        const std::string id = target.id;
        wanted.emplace(id, Entry{.target = std::move(target),
                                 .tracker = VerdictTracker(schedule_.interval, now),
                                 .serial = ++last_serial_});
      }
    }
    entries_ = std::move(wanted);
    addresses_ = std::move(addresses);
    Tick();
  }

  // Starts what is due, as far as there is room, and sleeps until the next is. Called whenever that
  // may have changed.
  void Tick() {
    const base::TimePoint now = base::Clock::Real().Now();
    std::vector<Entry*> due;
    base::TimePoint wake_at = base::TimePoint::max();
    for (auto& [id, entry] : entries_) {
      if (entry.probing || !IsOn(entry)) continue;
      const base::TimePoint at = StartTime(entry);
      if (at <= now) {
        due.push_back(&entry);
      } else {
        wake_at = std::min(wake_at, at);
      }
    }
    // Whoever has waited longest first: with more hanging backends than room, an order of names
    // would leave the last ones out for good.
    std::sort(due.begin(), due.end(), [](const Entry* a, const Entry* b) {
      return a->tracker.next_probe() < b->tracker.next_probe();
    });
    for (Entry* entry : due) {
      if (running_ >= options_.max_concurrent) break;  // the end of a probe comes back here
      Begin(*entry);
    }
    wake_.expires_at(wake_at);
    wake_.async_wait([this](const boost::system::error_code& error) {
      if (!error) Tick();
    });
  }

  // After all that has been posted by now: names are resolved many at a time, and each look goes
  // through all backends.
  void TickSoon() {
    if (std::exchange(tick_is_due_, true)) return;
    asio::post(io_, [this] {
      tick_is_due_ = false;
      Tick();
    });
  }

  bool Resolved(const Entry& entry) const { return addresses_.count(NameOf(entry.target)) > 0; }

  // A probe waits for the name to be resolved, but not for longer than for an answer.
  base::TimePoint StartTime(const Entry& entry) const {
    const base::TimePoint due = entry.tracker.next_probe();
    return Resolved(entry) ? due : due + schedule_.timeout;
  }

  bool IsOn(const Entry& entry) const { return schedule_.enabled && entry.target.scheduled; }

  // What is known of it counts no more.
  void Forget(Entry& entry, base::TimePoint now) {
    const bool known = entry.tracker.verdict() != Verdict::kUnknown;
    entry.tracker = VerdictTracker(schedule_.interval, now);
    if (known) on_check_(entry.target.id, {.turned = true});
  }

  void Begin(Entry& entry) {
    ++running_;
    entry.probing = true;
    StartCheckup(
        io_, CheckupOf(entry, schedule_.timeout, /*list_models=*/false),
        [this, id = entry.target.id, serial = entry.serial](const CheckupOutcome& outcome) {
          --running_;
          const auto it = entries_.find(id);
          if (it != entries_.end() && it->second.serial == serial) {
            it->second.probing = false;
            Settle(it->second, outcome);
          }
          Tick();
        });
  }

  Checkup CheckupOf(const Entry& entry, base::Duration timeout, bool list_models) const {
    const auto known = addresses_.find(NameOf(entry.target));
    return {.target = entry.target,
            .addresses = known == addresses_.end() ? std::vector<net::Address>() : known->second,
            .tls = tls_,
            .timeout = timeout,
            .list_models = list_models};
  }

  void Settle(Entry& entry, const CheckupOutcome& outcome) {
    if (!IsOn(entry)) return;  // turned off meanwhile
    const Verdict before = entry.tracker.verdict();
    const bool turned = entry.tracker.OnOutcome(outcome.healthy, base::Clock::Real().Now(), rng_);
    if (turned) LogTurn(entry.target, before, outcome.healthy, outcome.detail);
    const bool up = entry.tracker.verdict() == Verdict::kUp;
    std::string message;
    if (!up) message = outcome.healthy ? std::string(kToBeConfirmed) : outcome.detail;
    on_check_(entry.target.id, {.verdict = StateOf(up, outcome.sleeping),
                                .turned = turned,
                                .message = std::move(message),
                                .http_status = outcome.http_status});
  }

  const ProberOptions options_;
  const OnCheck on_check_;

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;

  // Owned by the thread that runs io_.
  asio::steady_timer wake_;
  base::Rng rng_;
  ProbeSchedule schedule_;
  net::TlsContext tls_;
  std::map<std::string, Entry> entries_;  // by id
  std::map<net::HostPort, std::vector<net::Address>> addresses_;
  uint64_t last_serial_ = 0;
  size_t running_ = 0;
  bool tick_is_due_ = false;

  Waiting<ProbeReport> waiting_;  // for ProbeNow

  // Thread-safe. Behind io_, which it posts to.
  net::Resolver resolver_;
};

Prober::Prober(ProberOptions options, OnCheck on_check)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(on_check))) {}

Prober::~Prober() = default;

void Prober::SetTargets(std::vector<Target> targets) {
  if (impl_ != nullptr) impl_->SetTargets(std::move(targets));
}
void Prober::SetTls(net::TlsContext tls) {
  if (impl_ != nullptr) impl_->SetTls(std::move(tls));
}
void Prober::SetSchedule(const ProbeSchedule& schedule) {
  if (impl_ != nullptr) impl_->SetSchedule(schedule);
}
void Prober::ProbeNow(const std::string& backend_id, base::Duration timeout, ProbeDone done) {
  if (impl_ != nullptr) {
    impl_->ProbeNow(backend_id, timeout, std::move(done));
  } else {
    done({.message = std::string(kStopped)});
  }
}
void Prober::Start() { impl_->Start(); }
void Prober::Stop() { impl_.reset(); }

}  // namespace vllm_router::health
