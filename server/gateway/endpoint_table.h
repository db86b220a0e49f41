// Which path does what. Constant after start; thread-safe.
#ifndef SERVER_GATEWAY_ENDPOINT_TABLE_H_
#define SERVER_GATEWAY_ENDPOINT_TABLE_H_

#include <cstdint>
#include <string_view>

#include "server/http/head.h"

namespace vllm_router::gateway {

enum class EndpointKind : uint8_t {
  kUnknown,
  kRoutedJson,       // by the body's `model`
  kRoutedMultipart,  // by the form field `model`
  kRoutedQuery,      // by ?model=
  kRoutedAny,        // another path under /v1/: JSON or multipart, as its Content-Type says
  kModels,
  kModel,  // /v1/models/{id}
  kEngines,
  kHealth,
  kLivez,
  kReadyz,
  kVersion,
  kMetrics,
  kEngineControl,  // /sleep, /wake_up, /is_sleeping: forwarded to the engine that ?id= names
};

struct Endpoint {
  EndpointKind kind = EndpointKind::kUnknown;
  std::string_view allow;  // value of the Allow field: the methods that the path takes
  bool Takes(http::Method method) const;
  // Probes and the version are open to clients without a key.
  bool open() const;
};

// The router answers it itself, and no engine is meant.
bool IsLocal(EndpointKind kind);

// `path` without the query. An unknown path gives kUnknown. Paths with dot segments, empty segments
// or percent signs are never matched by the rule for "another path under /v1/", so that no engine
// resolves them to something else.
Endpoint FindEndpoint(std::string_view path);

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_ENDPOINT_TABLE_H_
