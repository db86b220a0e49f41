// Bodies of GET /v1/models, GET /v1/models/{id} and GET /engines, in the original's shapes. Pure
// functions of plain data: thread-safe. Compact JSON; bytes that are not UTF-8 become U+FFFD.
#ifndef SERVER_OPENAI_MODEL_LIST_H_
#define SERVER_OPENAI_MODEL_LIST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace vllm_router::openai {

struct ModelCard {
  std::string id;
  int64_t created = 0;  // Unix time in seconds
  std::string owned_by = "vllm";
  std::optional<std::string> root;    // null when absent
  std::optional<std::string> parent;  // null when absent; of a LoRA adapter: its base model
};

// Refers to what it is made of.
struct EngineCard {
  std::string_view engine_id;
  absl::Span<const std::string> serving_models;
  int64_t created = 0;  // Unix time in seconds
};

// {"object":"list","data":[card..]}: in the order given; of several cards with one id the first
// counts.
std::string ModelListBody(absl::Span<const ModelCard> cards);

// {"id":..,"object":"model","created":..,"owned_by":..,"root":..,"parent":..}
std::string ModelBody(const ModelCard& card);

// [{"engine_id":..,"serving_models":[..],"created":..}..]: in the order given.
std::string EngineListBody(absl::Span<const EngineCard> engines);

}  // namespace vllm_router::openai

#endif  // SERVER_OPENAI_MODEL_LIST_H_
