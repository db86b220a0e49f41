// Backends for tests that need some but do not care about most of what a backend has.
// Whoever includes this links router::fleet.
#ifndef TESTS_SUPPORT_BACKENDS_H_
#define TESTS_SUPPORT_BACKENDS_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/ids.h"
#include "server/fleet/backend.h"

namespace vllm_router::test_support {

// An active, healthy backend with a runtime of its own. `url` must be valid.
inline fleet::BackendPtr MakeBackend(std::string_view url,
                                     std::vector<std::string> models = {"m"}) {
  auto backend = std::make_shared<fleet::Backend>();
  backend->spec.url = fleet::ParseBackendUrl(url).value();
  backend->spec.id = base::UuidV5(url);
  backend->spec.models = std::move(models);
  backend->runtime = std::make_shared<fleet::BackendRuntime>();
  return backend;
}

inline std::vector<fleet::BackendPtr> MakeBackends(const std::vector<std::string>& urls) {
  std::vector<fleet::BackendPtr> backends;
  for (const std::string& url : urls) backends.push_back(MakeBackend(url));
  return backends;
}

}  // namespace vllm_router::test_support

#endif  // TESTS_SUPPORT_BACKENDS_H_
