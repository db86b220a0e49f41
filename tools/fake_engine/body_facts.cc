#include "tools/fake_engine/body_facts.h"

namespace vllm_router::fake_engine {

void BodyFacts::Reset() {
  well_formed = true;
  model_given = stream = include_usage = ignore_eos = base64 = tool_choice_none = answers_tool =
      false;
  max_tokens = n = top_n = dimensions = std::nullopt;
  messages = input = documents = tokens = ListFacts{};
  file_bytes = 0;
  for (std::string* text : {&model, &model_json, &response_format, &tool}) text->clear();
  prompt.Reset();
}

}  // namespace vllm_router::fake_engine
