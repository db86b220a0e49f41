// --service-discovery static: a list of backends that is fixed when the source is made.
#ifndef SERVER_DISCOVERY_STATIC_SOURCE_H_
#define SERVER_DISCOVERY_STATIC_SOURCE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/discovery/source.h"

namespace vllm_router::discovery {

// The values of the --static-* flags, split: the i-th entries of all lists belong together.
struct StaticConfig {
  std::vector<std::string> urls{};
  std::vector<std::string> models{};
  std::vector<std::string> model_types{};   // empty, or as many as urls
  std::vector<std::string> model_labels{};  // empty, or as many as urls
  std::string api_key{};                    // for every backend; empty = none
};

// Entries with the same URL (byte by byte) become one backend, at the place of the first, that
// serves the models of all; it has the type and the label of the first. Upstream keeps an endpoint
// per entry, but takes turns by URL, so traffic is shared out alike. A backend's id is the UUID
// version 5 of its URL, so it is the same after a restart; upstream's is random.
//
// InvalidArgumentError, in upstream's words where it has some: no URLs or models, lists of
// different lengths, a URL that ParseBackendUrl refuses (upstream skips it, and then mostly finds
// that the lengths differ).
absl::StatusOr<std::vector<fleet::BackendSpec>> ParseStaticConfig(const StaticConfig& config);

// Hands its backends to the sink once, from inside Start.
class StaticSource : public Source {
 public:
  explicit StaticSource(std::vector<fleet::BackendSpec> backends)
      : backends_(std::move(backends)) {}

  std::string_view name() const override { return "static"; }
  void Start(Sink sink) override { sink(backends_); }
  void Stop() override {}

 private:
  const std::vector<fleet::BackendSpec> backends_;
};

}  // namespace vllm_router::discovery

#endif  // SERVER_DISCOVERY_STATIC_SOURCE_H_
