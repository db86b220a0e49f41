#include "server/stats/backend_stats.h"

namespace vllm_router::stats {

BackendStats::ShardCells::~ShardCells() {
  const ModelCells* cells = models_.load(std::memory_order_relaxed);
  while (cells != nullptr) {
    const ModelCells* const next = cells->next;
    delete cells;
    cells = next;
  }
}

BackendStats::ModelCells& BackendStats::ShardCells::ForModel(const PoolStats& pool) {
  const ModelCells* const newest = models_.load(std::memory_order_relaxed);
  for (const ModelCells* cells = newest; cells != nullptr; cells = cells->next) {
    // Made below, as what may be written; readers alone see it as const.
    if (&cells->pool == &pool) return const_cast<ModelCells&>(*cells);
  }
  auto* const made = new ModelCells(pool, newest);
  models_.store(made, std::memory_order_release);
  return *made;
}

TrafficTotals BackendStats::Traffic(const RateWindow::Span& span) const {
  TrafficTotals totals;
  cells_.ForEach([&](const ShardCells& shard) {
    shard.ForEachModel([&](const ModelCells& cells) { totals.Add(cells.traffic, span); });
  });
  return totals;
}

std::map<std::string_view, BackendStats::ModelTotals> BackendStats::Models(
    const RateWindow::Span& span) const {
  std::map<std::string_view, ModelTotals> models;
  cells_.ForEach([&](const ShardCells& shard) {
    shard.ForEachModel([&](const ModelCells& cells) {
      ModelTotals& totals = models[cells.pool.model()];
      totals.traffic.Add(cells.traffic, span);
      for (size_t i = 0; i < kLatencies; ++i) cells.latency[i].AddTo(&totals.latency[i]);
    });
  });
  return models;
}

BackendConnections BackendStats::Connections() const {
  BackendConnections sum;
  cells_.ForEach([&](const ShardCells& cells) {
    sum.open += cells.connections_open.Read();
    sum.idle += cells.connections_idle.Read();
    sum.made += cells.connections_made.Read();
  });
  return sum;
}

}  // namespace vllm_router::stats
