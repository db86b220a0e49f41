#include "server/health/engine_answers.h"

#include <simdjson.h>

#include <string_view>

namespace vllm_router::health {

bool SaysItSleeps(const std::string& body) {
  simdjson::dom::parser parser;
  bool sleeps = false;
  return parser.parse(body)["is_sleeping"].get(sleeps) == simdjson::SUCCESS && sleeps;
}

std::vector<std::string> ListedModels(const std::string& body) {
  std::vector<std::string> models;
  simdjson::dom::parser parser;
  simdjson::dom::array cards;
  if (parser.parse(body)["data"].get(cards) != simdjson::SUCCESS) return models;
  for (const simdjson::dom::element card : cards) {
    std::string_view id;
    if (card["id"].get(id) == simdjson::SUCCESS) models.emplace_back(id);
  }
  return models;
}

}  // namespace vllm_router::health
