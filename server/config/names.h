// Names of resources: `backends/{id}`, `routing`, `routing/{model}`, `callbacks/{id}`,
// `aliases/{alias}`, `limits`. What follows the first slash is taken whole: a model's own slashes
// stay as they are.
#ifndef SERVER_CONFIG_NAMES_H_
#define SERVER_CONFIG_NAMES_H_

#include <optional>
#include <string>
#include <string_view>

namespace vllm_router::config {

inline constexpr std::string_view kBackends = "backends/";
inline constexpr std::string_view kRouting = "routing";
inline constexpr std::string_view kRoutingOfModel = "routing/";
inline constexpr std::string_view kCallbacks = "callbacks/";
inline constexpr std::string_view kAliases = "aliases/";
inline constexpr std::string_view kLimits = "limits";

// What follows `collection` ("backends/") in `name`; nullopt when it is not in that collection.
std::optional<std::string_view> IdIn(std::string_view collection, std::string_view name);

// 1 to 128 characters of A-Z a-z 0-9 . _ -, the first one a letter or digit.
bool IsId(std::string_view id);

// 1 to 512 bytes, UTF-8 without control characters: the name of a model or an alias.
bool IsModelName(std::string_view name);

// The name of the backend at `url` unless its author gave another: stable over restarts.
std::string BackendNameFor(std::string_view url);

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_NAMES_H_
