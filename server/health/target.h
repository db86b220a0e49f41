// What the prober is told of one backend. A value type.
#ifndef SERVER_HEALTH_TARGET_H_
#define SERVER_HEALTH_TARGET_H_

#include <string>

#include "server/fleet/backend_url.h"
#include "server/net/tls.h"

namespace vllm_router::health {

struct Target {
  std::string id;  // fleet::BackendSpec::id
  fleet::BackendUrl url;
  std::string model;  // the first, when it serves several
  // One of fleet's model types: chat, completion, embeddings, rerank, score, transcription, vision
  // or messages.
  std::string model_type = "chat";
  // Sent as a bearer token when not empty; never logged.
  std::string api_key = {};
  // For an https URL, as in fleet::BackendSpec; without a context the prober's own.
  net::TlsContext tls = {};
  std::string tls_server_name = {};
  // False: only ProbeNow asks it.
  bool scheduled = true;

  friend bool operator==(const Target&, const Target&) = default;
};

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_TARGET_H_
