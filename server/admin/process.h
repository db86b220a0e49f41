// What the admin service asks of the rest of the process, apart from the control plane: filled by
// the composition root, so that nothing here knows gateways, probers or flags. Thread-safe
// functions; `done` is called once, on any thread, and must not block.
#ifndef SERVER_ADMIN_PROCESS_H_
#define SERVER_ADMIN_PROCESS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proto/router.pb.h"
#include "server/admin/stats_sampler.h"
#include "server/base/clock.h"
#include "server/base/failure.h"
#include "server/control/control_plane.h"

namespace vllm_router::admin {

struct Process {
  // --- requests ---
  struct InFlight {
    v1::InFlightEntry entry;
    // Where it stands in a list, oldest first: when it began, and its number.
    uint64_t began = 0;
    uint64_t number = 0;
  };
  struct InFlightQuery {
    v1::ListInFlightRequest filter;  // but for its page
    std::string name = {};           // `requests/{id}`; empty: any
    std::string http_request_id = {};
    // Those behind this place, 0: from the first on.
    uint64_t after_began = 0;
    uint64_t after_number = 0;
    size_t limit = SIZE_MAX;
  };
  using Found = std::function<void(std::vector<InFlight>)>;
  // Oldest first, at most `limit`.
  std::function<void(InFlightQuery query, Found done)> list_in_flight;
  // Cuts them; `done` gets them as they were.
  std::function<void(InFlightQuery query, Found done)> abort;
  using Explained = std::function<void(base::Outcome<v1::ExplainRouteResponse>)>;
  std::function<void(const v1::ExplainRouteRequest& request, control::ViewPtr view, Explained done)>
      explain;

  // --- backends ---
  using Probed = std::function<void(v1::ProbeBackendResponse)>;
  std::function<void(const v1::Backend& backend, std::optional<base::Duration> timeout,
                     Probed done)>
      probe;

  // Reads what the engine says of itself, now. `done` as it stands afterwards.
  using EngineRead = std::function<void(const fleet::EngineReading&)>;
  std::function<void(const std::string& backend_id, base::Duration timeout, EngineRead done)>
      read_engine;

  // --- statistics ---
  StatsSampler* stats = nullptr;

  // --- callbacks ---
  using Tested = std::function<void(v1::TestCallbackResponse)>;
  std::function<void(const v1::Callback& callback, const v1::TestCallbackRequest& request,
                     Tested done)>
      test_callback;

  // --- the process ---
  // What does not change: version, commit, instance, start time, shards, addresses, flags.
  v1::GetServerInfoResponse facts;
  std::function<std::vector<v1::LiveFile>()> live_files;
  std::function<bool()> shutting_down;
  struct End {
    uint64_t in_flight;
    base::WallTime deadline;
  };
  // `drain_timeout`: instead of limits.shutdown_grace. On a dry run only says what would be.
  std::function<End(std::optional<base::Duration> drain_timeout, bool validate_only)> shut_down;
  uint64_t default_max_connections = 0;
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_PROCESS_H_
