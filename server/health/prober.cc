#include "server/health/prober.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "server/base/log.h"
#include "server/base/rng.h"
#include "server/base/strings.h"
#include "server/health/http_probe.h"
#include "server/health/probe_request.h"
#include "server/health/verdict_tracker.h"
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
  Impl(ProberOptions options, OnVerdict on_verdict)
      : options_(std::move(options)),
        on_verdict_(std::move(on_verdict)),
        work_(io_.get_executor()),
        wake_(io_),
        rng_(base::Rng::FromEntropy()),
        tls_(options_.tls),
        resolver_({.quiet = true}, [this](const std::string& host, uint16_t port,
                                          std::vector<net::Address> addresses) {
          asio::post(io_, [this, name = net::HostPort(host, port),
                           addresses = std::move(addresses)]() mutable {
            addresses_[name] = std::move(addresses);
            Tick();
          });
        }) {}

  // What is left of probes on their way, connections included, goes with io_.
  ~Impl() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void SetTargets(std::vector<Target> targets) {
    std::vector<net::HostPort> names;
    names.reserve(targets.size());
    for (const Target& target : targets) names.push_back(NameOf(target));
    asio::post(io_, [this, targets = std::move(targets)]() mutable { Adopt(std::move(targets)); });
    resolver_.SetNames(std::move(names));
  }

  void SetTls(net::TlsContext tls) {
    asio::post(io_, [this, tls = std::move(tls)]() mutable { tls_ = std::move(tls); });
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
      if (const auto known = addresses_.find(NameOf(target)); known != addresses_.end()) {
        addresses.insert(*known);
      }
      const auto before = entries_.find(target.id);
      if (before != entries_.end() && before->second.target == target) {
        wanted.insert(entries_.extract(before));
      } else {
        const std::string id = target.id;
        wanted.emplace(id, Entry{.target = std::move(target),
                                 .tracker = VerdictTracker(options_.interval, now),
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
      if (entry.probing) continue;
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

  bool Resolved(const Entry& entry) const { return addresses_.count(NameOf(entry.target)) > 0; }

  // A probe waits for the name to be resolved, but not for longer than for an answer.
  base::TimePoint StartTime(const Entry& entry) const {
    const base::TimePoint due = entry.tracker.next_probe();
    return Resolved(entry) ? due : due + options_.timeout;
  }

  void Begin(Entry& entry) {
    ++running_;
    entry.probing = true;
    auto done = [this, id = entry.target.id, serial = entry.serial](const ProbeOutcome& outcome) {
      --running_;
      const auto it = entries_.find(id);
      if (it != entries_.end() && it->second.serial == serial) Settle(it->second, outcome);
      Tick();
    };
    const Target& target = entry.target;
    const net::TlsContext& tls = target.tls ? target.tls : tls_;
    const absl::StatusOr<std::string> request = RenderProbe(target);
    std::optional<ProbeOutcome> known;
    if (!request.ok()) {
      known = ProbeOutcome{.detail = std::string(request.status().message())};
    } else if (!Resolved(entry)) {
      known = ProbeOutcome{.detail = "its name does not resolve"};
    } else if (target.url.https && !tls) {
      known = ProbeOutcome{.detail = "TLS towards backends is not set up"};
    }
    if (known) {
      asio::post(io_, [done = std::move(done), outcome = *std::move(known)] { done(outcome); });
      return;
    }
    StartProbe(io_,
               {.addresses = addresses_[NameOf(entry.target)],
                .tls = target.url.https ? tls : net::TlsContext(),
                .host = target.tls_server_name.empty() ? target.url.host : target.tls_server_name,
                .request = *request,
                .timeout = options_.timeout},
               std::move(done));
  }

  void Settle(Entry& entry, const ProbeOutcome& outcome) {
    entry.probing = false;
    const Verdict before = entry.tracker.verdict();
    if (!entry.tracker.OnOutcome(outcome.healthy, base::Clock::Real().Now(), rng_)) return;
    LogTurn(entry.target, before, outcome.healthy, outcome.detail);
    on_verdict_(entry.target.id, outcome.healthy, outcome.detail);
  }

  const ProberOptions options_;
  const OnVerdict on_verdict_;

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;

  // Owned by the thread that runs io_.
  asio::steady_timer wake_;
  base::Rng rng_;
  net::TlsContext tls_;
  std::map<std::string, Entry> entries_;  // by id
  std::map<net::HostPort, std::vector<net::Address>> addresses_;
  uint64_t last_serial_ = 0;
  size_t running_ = 0;

  // Thread-safe. Behind io_, which it posts to.
  net::Resolver resolver_;
};

Prober::Prober(ProberOptions options, OnVerdict on_verdict)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(on_verdict))) {}

Prober::~Prober() = default;

void Prober::SetTargets(std::vector<Target> targets) {
  if (impl_ != nullptr) impl_->SetTargets(std::move(targets));
}
void Prober::SetTls(net::TlsContext tls) {
  if (impl_ != nullptr) impl_->SetTls(std::move(tls));
}
void Prober::Start() { impl_->Start(); }
void Prober::Stop() { impl_.reset(); }

}  // namespace vllm_router::health
