// What may be the name of a model in a request, whatever form the request has. Pure function,
// thread-safe.
#ifndef SERVER_OPENAI_MODEL_NAME_H_
#define SERVER_OPENAI_MODEL_NAME_H_

#include <cstddef>
#include <string_view>

#include "server/openai/error.h"

namespace vllm_router::openai {

inline constexpr size_t kMaxModelBytes = 1024;

// nullptr, or what is wrong with `model`: empty, longer than kMaxModelBytes, or with a control
// character (U+0000 to U+001F, U+007F). Whether it is UTF-8 is the caller's check.
const RequestError* CheckModelName(std::string_view model);

}  // namespace vllm_router::openai

#endif  // SERVER_OPENAI_MODEL_NAME_H_
