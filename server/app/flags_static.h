// The parallel lists of static discovery, turned into one row per engine. Pure functions; any
// thread.
#ifndef SERVER_APP_FLAGS_STATIC_H_
#define SERVER_APP_FLAGS_STATIC_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/app/config.h"

namespace vllm_router::app {

// Values of the flags, comma-separated; spaces around an entry are dropped.
struct StaticLists {
  std::string_view backends = {};
  std::string_view models = {};
  std::string_view model_types = {};   // empty = all of the default type
  std::string_view model_labels = {};  // empty = all with the default label
};

// InvalidArgumentError (in the original's words where it has some) when a required list is missing,
// an entry is empty or not allowed, the lists differ in length, or the same url and model stand
// there twice.
absl::StatusOr<std::vector<StaticBackend>> ParseStaticBackends(const StaticLists& lists);

// Entries ALIAS:MODEL. Names may hold colons, as LoRA and registry names do: of all possible splits
// the one is taken whose MODEL is served by `backends`; an entry with several such splits, or with
// several colons and none, is an error. Adds a warning for an alias of a model that nobody serves,
// and for one that hides a served model.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseStaticAliases(
    std::string_view aliases, const std::vector<StaticBackend>& backends,
    std::vector<std::string>* warnings);

}  // namespace vllm_router::app

#endif  // SERVER_APP_FLAGS_STATIC_H_
