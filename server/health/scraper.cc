#include "server/health/scraper.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

#include "server/base/log.h"
#include "server/base/low_priority.h"
#include "server/base/rng.h"
#include "server/health/engine_metrics.h"
#include "server/health/http_probe.h"
#include "server/health/probe_request.h"
#include "server/health/scrape_schedule.h"
#include "server/health/waiting.h"
#include "server/net/address.h"

namespace vllm_router::health {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kStopped = "the router is shutting down";

std::vector<net::Address> AddressesOf(const fleet::BackendRuntime& runtime) {
  std::vector<net::Address> addresses;
  for (const fleet::SocketAddress& address : runtime.addresses()) {
    addresses.push_back(
        net::MakeAddress(reinterpret_cast<const sockaddr*>(&address.storage), address.length));
  }
  return addresses;
}

bool ReachedAlike(const fleet::BackendSpec& a, const fleet::BackendSpec& b) {
  return a.url == b.url && a.api_key == b.api_key && a.tls == b.tls &&
         a.tls_server_name == b.tls_server_name;
}

}  // namespace

class Scraper::Impl {
 public:
  explicit Impl(ScraperOptions options)
      : api_key_(std::move(options.api_key)),
        work_(io_.get_executor()),
        wake_(io_),
        tls_(std::move(options.tls)),
        schedule_(options.interval, options.max_concurrent, base::Rng::FromEntropy()) {}

  // What is left of questions on their way, connections included, goes with io_.
  ~Impl() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    waiting_.DeliverLast({.error = std::string(kStopped)});
  }

  void Start() {
    thread_ = std::thread([this] {
      base::LowerPriority();
      io_.run();
    });
    ::pthread_setname_np(thread_.native_handle(), "scraper");
  }

  void SetBackends(std::vector<fleet::BackendPtr> backends) {
    asio::post(io_, [this, backends = std::move(backends)] {
      Adopt(backends);
      Tick();
    });
  }

  void SetInterval(base::Duration interval) {
    asio::post(io_, [this, interval] {
      schedule_.SetInterval(interval, Now());
      Tick();
    });
  }

  void ReadNow(const std::string& backend_id, base::Duration timeout, ReadDone done) {
    const auto serial = waiting_.Add(std::move(done));
    asio::post(io_, [this, backend_id, timeout, serial] {
      const auto known = ids_.find(backend_id);
      if (known == ids_.end()) {
        return waiting_.Deliver(serial,
                                {.error = "it is not known, or disabled, and then it is not read"});
      }
      const fleet::BackendPtr backend = entries_.at(known->second).backend;
      Read(*backend, timeout,
           [this, serial, backend, id = known->second](const ProbeOutcome& outcome) {
             if (const auto it = entries_.find(id); it != entries_.end()) {
               Settle(it->second, ReportIn(outcome), outcome);
             }
             waiting_.Deliver(serial, backend->runtime->engine());
           });
    });
  }

  void SetTls(net::TlsContext tls) {
    asio::post(io_, [this, tls = std::move(tls)]() mutable { tls_ = std::move(tls); });
  }

 private:
  struct Entry {
    fleet::BackendPtr backend;
    bool failing = false;
  };

  static base::TimePoint Now() { return base::Clock::Real().Now(); }

  void Adopt(const std::vector<fleet::BackendPtr>& backends) {
    std::unordered_map<std::string, ScrapeSchedule::Id> former = std::move(ids_);
    ids_.clear();
    for (const fleet::BackendPtr& backend : backends) {
      if (backend->spec.admin_state == fleet::AdminState::kDisabled) continue;
      if (const auto before = former.find(backend->spec.id); before != former.end()) {
        Entry& entry = entries_.at(before->second);
        const bool same = entry.backend->runtime == backend->runtime;
        if (same && ReachedAlike(entry.backend->spec, backend->spec)) {
          entry.backend = backend;
          ids_.insert(former.extract(before));
          continue;
        }
        if (!same || entry.backend->spec.url != backend->spec.url) {
          backend->runtime->engine_state().Forget();
        }
      } else {
        backend->runtime->engine_state().Forget();
      }
      const ScrapeSchedule::Id id = schedule_.Add(Now());
      ids_.emplace(backend->spec.id, id);
      entries_.emplace(id, Entry{.backend = backend});
    }
    for (const auto& [name, id] : former) {
      schedule_.Remove(id);
      entries_.erase(id);
    }
  }

  // Asks whom it is time for and sleeps until the next one is due. Called whenever that may have
  // changed.
  void Tick() {
    const base::TimePoint now = Now();
    while (const std::optional<ScrapeSchedule::Id> id = schedule_.Next(now)) Ask(*id);
    wake_.expires_at(schedule_.wake_at());
    wake_.async_wait([this](const boost::system::error_code& error) {
      if (!error) Tick();
    });
  }

  void Ask(ScrapeSchedule::Id id) {
    Read(*entries_.at(id).backend, schedule_.timeout(), [this, id](const ProbeOutcome& outcome) {
      const std::optional<fleet::EngineReport> report = ReportIn(outcome);
      schedule_.OnEnd(id, report.has_value(), Now());
      // If not, it was removed meanwhile, or is reached in another way now.
      if (const auto it = entries_.find(id); it != entries_.end()) {
        Settle(it->second, report, outcome);
      }
      Tick();
    });
  }

  // `done` is called later, never from here.
  void Read(const fleet::Backend& backend, base::Duration timeout,
            std::function<void(const ProbeOutcome&)> done) {
    const fleet::BackendSpec& spec = backend.spec;
    std::vector<net::Address> addresses = AddressesOf(*backend.runtime);
    net::TlsContext tls;
    if (spec.url.https) tls = spec.tls == nullptr ? tls_ : *spec.tls;
    std::string obstacle;
    if (addresses.empty()) obstacle = "its name does not resolve";
    if (spec.url.https && !tls) obstacle = "TLS towards backends is not set up";
    if (!obstacle.empty()) {
      asio::post(io_, [done = std::move(done), outcome = ProbeOutcome{.detail = obstacle}] {
        done(outcome);
      });
      return;
    }
    StartProbe(io_,
               {.addresses = std::move(addresses),
                .tls = std::move(tls),
                .host = spec.ServerName(),
                .request = RenderScrape(spec.url, spec.api_key.empty() ? api_key_ : spec.api_key),
                .timeout = timeout,
                .max_answer_bytes = kMaxMetricsBytes,
                .wants_json = false},
               std::move(done));
  }

  static std::optional<fleet::EngineReport> ReportIn(const ProbeOutcome& outcome) {
    if (outcome.http_status != 200) return std::nullopt;
    return ReadEngineMetrics(outcome.body);
  }

  static void Settle(Entry& entry, const std::optional<fleet::EngineReport>& report,
                     const ProbeOutcome& outcome) {
    std::string error = outcome.http_status == 200 ? "its answer holds no metrics" : outcome.detail;
    if (report) error.clear();
    LogTurn(entry, error);
    fleet::EngineState& state = entry.backend->runtime->engine_state();
    if (report) {
      state.OnRead(*report, Now(), base::Clock::Real().WallNow());
    } else {
      state.OnUnreadable(std::move(error), base::Clock::Real().WallNow());
    }
  }

  // `error` is empty when all went well.
  static void LogTurn(Entry& entry, const std::string& error) {
    const std::string& url = entry.backend->spec.url.text;
    const bool failed_before = std::exchange(entry.failing, !error.empty());
    if (entry.failing && !failed_before) {
      ROUTER_LOG(kWarning, "engine statistics: the metrics of %s cannot be read: %s", url, error);
    } else if (!entry.failing && failed_before) {
      ROUTER_LOG(kInfo, "engine statistics: the metrics of %s can be read again", url);
    }
  }

  const std::string api_key_;

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;

  // Owned by the thread that runs io_.
  asio::steady_timer wake_;
  net::TlsContext tls_;
  ScrapeSchedule schedule_;
  std::unordered_map<ScrapeSchedule::Id, Entry> entries_;
  std::unordered_map<std::string, ScrapeSchedule::Id> ids_;  // of entries_, by backend id

  Waiting<fleet::EngineReading> waiting_;  // for ReadNow
};

Scraper::Scraper(ScraperOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Scraper::~Scraper() = default;

void Scraper::SetBackends(std::vector<fleet::BackendPtr> backends) {
  if (impl_ != nullptr) impl_->SetBackends(std::move(backends));
}
void Scraper::SetInterval(base::Duration interval) {
  if (impl_ != nullptr) impl_->SetInterval(interval);
}
void Scraper::SetTls(net::TlsContext tls) {
  if (impl_ != nullptr) impl_->SetTls(std::move(tls));
}
void Scraper::ReadNow(const std::string& backend_id, base::Duration timeout, ReadDone done) {
  if (impl_ == nullptr) return done({.error = std::string(kStopped)});
  impl_->ReadNow(backend_id, timeout, std::move(done));
}
void Scraper::Start() { impl_->Start(); }
void Scraper::Stop() { impl_.reset(); }

}  // namespace vllm_router::health
