#include "server/stats/registry.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace vllm_router::stats {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// Adds families in the order in which they are begun.
class Page {
 public:
  void Begin(std::string name, MetricType type, std::string help) {
    MetricFamily family;
    family.name = std::move(name);
    family.type = type;
    family.help = std::move(help);
    families_.push_back(std::move(family));
  }
  void Add(Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (families_.back().type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    families_.back().metric.push_back(std::move(metric));
  }
  std::string Text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

}  // namespace

Registry::Registry(size_t shards)
    : rate_window_(std::chrono::seconds(60), base::Clock::Real().Now()),
      other_models_(std::make_shared<PoolStats>(std::string(kOtherModels), shards)) {
  for (size_t i = 0; i < shards; ++i) shards_.push_back(std::make_unique<ShardStats>());
}

std::shared_ptr<PoolStats> Registry::ForModel(std::string_view model) {
  base::MutexLock lock(&mutex_);
  auto found = pools_.find(model);
  if (found == pools_.end()) {
    // A model that is really called so is counted together with those that nobody serves.
    found = pools_
                .emplace(std::string(model),
                         model == kOtherModels
                             ? other_models_
                             : std::make_shared<PoolStats>(std::string(model), shards_.size()))
                .first;
  }
  return found->second;
}

std::vector<std::shared_ptr<const PoolStats>> Registry::Models() const {
  std::vector<std::shared_ptr<const PoolStats>> models;
  base::MutexLock lock(&mutex_);
  for (const auto& [name, pool] : pools_) models.push_back(pool);
  if (!pools_.contains(kOtherModels) && other_models_->Started() > 0) {
    const auto place = std::find_if(models.begin(), models.end(),
                                    [](const auto& pool) { return pool->model() > kOtherModels; });
    models.insert(place, other_models_);
  }
  return models;
}

std::shared_ptr<BackendStats> Registry::ForBackend(std::string_view id) {
  base::MutexLock lock(&mutex_);
  auto found = backends_.find(id);
  if (found != backends_.end()) {
    if (std::shared_ptr<BackendStats> known = found->second.lock(); known != nullptr) return known;
  } else {
    if (backends_.size() >= sweep_at_) {
      std::erase_if(backends_, [](const auto& entry) { return entry.second.expired(); });
      sweep_at_ = std::max<size_t>(64, 2 * backends_.size());
    }
    found = backends_.try_emplace(std::string(id)).first;
  }
  auto created = std::make_shared<BackendStats>(++incarnations_, shards_.size());
  found->second = created;
  return created;
}

TrafficTotals Registry::Traffic(const RateWindow::Span& span) const {
  TrafficTotals totals;
  for (const auto& shard : shards_) totals.Add(shard->traffic, span);
  return totals;
}

void Registry::CountError(std::string_view server, std::string_view model, std::string_view type) {
  base::MutexLock lock(&mutex_);
  ++errors_[ErrorKey(server, model, type)];
}

std::string Registry::Render(const ScrapeSources& sources) const {
  Page page;
  page.Begin("vllm:num_incoming_requests_total", MetricType::Counter,
             "Requests that named a model");
  {
    base::MutexLock lock(&mutex_);
    for (const auto& [model, pool] : pools_)
      page.Add({{"model", model}}, static_cast<double>(pool->Incoming()));
  }
  if (const uint64_t unknown = unknown_models_.load(std::memory_order_relaxed); unknown > 0) {
    page.Add({{"model", "other"}}, static_cast<double>(unknown));
  }
  page.Begin("vllm:request_errors_total", MetricType::Counter, "Attempts that an engine failed");
  {
    base::MutexLock lock(&mutex_);
    for (const auto& [key, count] : errors_) {
      const auto& [server, model, type] = key;
      page.Add({{"server", server}, {"model", model}, {"error_type", type}},
               static_cast<double>(count));
    }
  }

  const std::vector<BackendFigures> backends = sources.backends();
  page.Begin("vllm:healthy_pods_total", MetricType::Gauge, "1 while the engine is healthy, else 0");
  for (const BackendFigures& b : backends) page.Add({{"server", b.url}}, b.healthy ? 1 : 0);
  page.Begin("vllm_router_backend_in_flight", MetricType::Gauge,
             "Attempts in flight at the engine");
  for (const BackendFigures& b : backends)
    page.Add({{"server", b.url}}, static_cast<double>(b.in_flight));
  page.Begin("vllm_router_backend_ejected", MetricType::Gauge,
             "1 while the engine is ejected for failing in a row");
  for (const BackendFigures& b : backends) page.Add({{"server", b.url}}, b.ejected ? 1 : 0);
  page.Begin("vllm_router_backend_ejections_total", MetricType::Counter,
             "Times the engine was ejected");
  for (const BackendFigures& b : backends)
    page.Add({{"server", b.url}}, static_cast<double>(b.ejections));

  page.Begin("vllm_router_config_generation", MetricType::Gauge,
             "Generation of the configuration in force");
  page.Add({}, static_cast<double>(sources.generation()));
  page.Begin("vllm_router_connections_refused_total", MetricType::Counter,
             "Client connections refused because --max-connections was reached");
  page.Add({}, static_cast<double>(sources.refused_connections()));

  const auto per_shard = [&](std::string name, MetricType type, std::string help, auto read) {
    page.Begin(std::move(name), type, std::move(help));
    for (size_t i = 0; i < shards_.size(); ++i) page.Add({{"shard", std::to_string(i)}}, read(i));
  };
  const auto cell = [&](Cell ShardStats::*member) {
    return [this, member](size_t i) {
      return static_cast<double>((shards_[i].get()->*member).Read());
    };
  };
  page.Begin("vllm_router_answers_total", MetricType::Counter,
             "Complete answers to clients by status class");
  for (size_t i = 0; i < shards_.size(); ++i) {
    for (size_t code = 2; code <= 5; ++code) {
      page.Add({{"shard", std::to_string(i)}, {"class", std::to_string(code) + "xx"}},
               static_cast<double>(shards_[i]->answers_by_class[code].Read()));
    }
  }
  per_shard("vllm_router_clients_gone_total", MetricType::Counter,
            "Clients that left before their answer was complete", cell(&ShardStats::clients_gone));
  per_shard("vllm_router_streams_broken_total", MetricType::Counter,
            "Answers that an engine broke off", cell(&ShardStats::streams_broken));
  per_shard("vllm_router_retries_total", MetricType::Counter,
            "Attempts after a request's first one", cell(&ShardStats::retries));
  per_shard("vllm_router_stale_connections_total", MetricType::Counter,
            "Kept engine connections that were dead and were replaced",
            cell(&ShardStats::stale_connections));
  per_shard("vllm_router_bad_requests_total", MetricType::Counter,
            "Requests refused as unacceptable HTTP", cell(&ShardStats::bad_requests));
  per_shard("vllm_router_slow_client_pauses_total", MetricType::Counter,
            "Times that reading from an engine stopped because a client did not read",
            cell(&ShardStats::slow_client_pauses));
  per_shard("vllm_router_active_requests", MetricType::Gauge, "Requests being worked on",
            cell(&ShardStats::active_requests));
  per_shard("vllm_router_client_connections", MetricType::Gauge, "Open client connections",
            cell(&ShardStats::sessions));
  per_shard("vllm_router_backend_connections_open", MetricType::Gauge,
            "Open connections to engines", cell(&ShardStats::backend_connections_open));
  per_shard("vllm_router_backend_connections_idle", MetricType::Gauge,
            "Kept connections to engines without a request",
            cell(&ShardStats::backend_connections_idle));
  per_shard("vllm_router_shard_turns_total", MetricType::Counter, "Turns of the shard's event loop",
            [&](size_t i) { return static_cast<double>(sources.loop(i).turns); });
  per_shard("vllm_router_shard_busy_seconds_total", MetricType::Counter,
            "Time spent in turns of the event loop",
            [&](size_t i) { return sources.loop(i).busy_seconds; });
  per_shard("vllm_router_shard_longest_turn_seconds", MetricType::Gauge,
            "Longest turn of the event loop so far",
            [&](size_t i) { return sources.loop(i).longest_turn_seconds; });
  return page.Text();
}

}  // namespace vllm_router::stats
