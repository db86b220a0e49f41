// Helpers of the endpoints that need more than the body's model: query parameters, and the errors
// of engine control.
#ifndef SERVER_GATEWAY_LOCAL_ENDPOINTS_H_
#define SERVER_GATEWAY_LOCAL_ENDPOINTS_H_

#include <optional>
#include <string>
#include <string_view>

#include "server/openai/error.h"

namespace vllm_router::gateway {

// The first value of `name` in a query string, percent-decoded ('+' is a space); nullopt when it is
// not there.
std::optional<std::string> QueryParameter(std::string_view query, std::string_view name);

// Percent-decoded; malformed escapes stay as they are.
std::string PercentDecode(std::string_view text, bool plus_is_space);

std::string EngineNotFoundMessage(std::string_view id);

}  // namespace vllm_router::gateway

namespace vllm_router::openai::errors {

inline constexpr RequestError kMissingModelInQuery{
    400, kInvalidRequestType, "missing_required_parameter",
    "Invalid request: missing 'model' in the query.", "model"};
inline constexpr RequestError kMissingEngineId{400, kInvalidRequestType,
                                               "missing_required_parameter",
                                               "Invalid request: missing target Engine Id.", "id"};
inline constexpr RequestError kUnknownEngine{400, kInvalidRequestType, "engine_not_found",
                                             "Engine not found.", "id"};
inline constexpr RequestError kEngineControlOff{
    403, kInvalidRequestType, "engine_control_disabled",
    "Engine control is off; the router's operator turns it on with --enable-engine-control."};

}  // namespace vllm_router::openai::errors

#endif  // SERVER_GATEWAY_LOCAL_ENDPOINTS_H_
