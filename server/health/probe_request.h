// The requests that engines get from this module. That of a probe is a real one, as small as its
// kind allows, because an engine whose scheduler hangs still answers GET /health. Pure.
#ifndef SERVER_HEALTH_PROBE_REQUEST_H_
#define SERVER_HEALTH_PROBE_REQUEST_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/health/target.h"

namespace vllm_router::health {

// A whole HTTP/1.1 request: a POST to the path of the target's model type below the base path of
// its URL, which asks the engine to close the connection behind its answer. The text is `Hello`, at
// most three tokens are asked for, at temperature 0; a transcription gets a tenth of a second of
// silence. InvalidArgumentError for a model type that has no request.
absl::StatusOr<std::string> RenderProbe(const Target& target);

// A whole GET of `path` below the base path of the target's URL, likewise.
std::string RenderGet(const Target& target, std::string_view path);

// A whole GET of the metrics below the base path of `url`, likewise, with `api_key` if there is
// one.
std::string RenderScrape(const fleet::BackendUrl& url, std::string_view api_key);

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_PROBE_REQUEST_H_
