// What engines say of themselves in JSON. Pure.
#ifndef SERVER_HEALTH_ENGINE_ANSWERS_H_
#define SERVER_HEALTH_ENGINE_ANSWERS_H_

#include <string>
#include <vector>

namespace vllm_router::health {

// GET /is_sleeping: {"is_sleeping":true}. Anything else is awake.
bool SaysItSleeps(const std::string& body);

// GET /v1/models: the ids in {"data":[{"id":..}..]}, as far as they can be read.
std::vector<std::string> ListedModels(const std::string& body);

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_ENGINE_ANSWERS_H_
