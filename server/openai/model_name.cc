#include "server/openai/model_name.h"

#include <algorithm>

namespace vllm_router::openai {

const RequestError* CheckModelName(std::string_view model) {
  if (model.empty()) return &errors::kModelEmpty;
  if (model.size() > kMaxModelBytes) return &errors::kModelTooLong;
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  if (std::any_of(model.begin(), model.end(), is_control)) {
    return &errors::kModelHasControlCharacters;
  }
  return nullptr;
}

}  // namespace vllm_router::openai
