// Field names to the ids of those that the router cares about. Thread-safe.
#ifndef SERVER_HTTP_FIELD_ID_H_
#define SERVER_HTTP_FIELD_ID_H_

#include <string_view>

#include "server/http/head.h"

namespace vllm_router::http {

// `name` in any case; kOther if it is not one of ours.
FieldId FieldIdOf(std::string_view name);

}  // namespace vllm_router::http

#endif  // SERVER_HTTP_FIELD_ID_H_
