// What the command line wants, as a configuration: generation 1, where no other one is kept
// (promise 10 of proto/router.proto); and what a changed configuration file wants to be changed.
// Pure functions.
#ifndef SERVER_APP_SEED_H_
#define SERVER_APP_SEED_H_

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/router.pb.h"
#include "server/app/config.h"
#include "server/config/draft.h"

namespace vllm_router::app {

// The callback that --callbacks seeds.
inline constexpr std::string_view kFlagCallback = "callbacks/flag";

// What a flag leaves at its default is left out. `source`: of the backends. `handler`: how to call
// the Python handler of --callbacks, if there is one. InvalidArgumentError says all that the admin
// API would not accept either.
absl::StatusOr<v1::Config> SeedConfig(const Config& config, v1::BackendSource source,
                                      const v1::Revision& meta,
                                      const std::optional<v1::Callback>& handler = std::nullopt);

// Makes of a configuration that follows `before` one that follows `after`: only what differs
// between the two is touched, so that what the admin API has changed beside it stays. `source`: of
// the backends. Handlers of --callbacks are the same in both.
std::function<void(config::Draft&)> EditBetween(const Config& before, const Config& after,
                                                v1::BackendSource source);
// Declares the backends of `config`, for a start with a configuration that was kept.
std::function<void(config::Draft&)> DeclareBackends(const Config& config, v1::BackendSource source);

}  // namespace vllm_router::app

#endif  // SERVER_APP_SEED_H_
