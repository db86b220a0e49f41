// What holds where a configuration says nothing, filled in for those who ask what is in effect. The
// values are those of the field comments of proto/router.proto. Pure functions; thread-safe.
#ifndef SERVER_CONFIG_DEFAULTS_H_
#define SERVER_CONFIG_DEFAULTS_H_

#include <cstdint>

#include "proto/router.pb.h"

namespace vllm_router::config {

// `max_connections`: what the process's limit on open files allows.
v1::Limits WithDefaults(v1::Limits limits, uint64_t max_connections);
v1::RoutingPolicy WithDefaults(v1::RoutingPolicy policy);

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_DEFAULTS_H_
