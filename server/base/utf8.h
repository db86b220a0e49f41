// UTF-8 (RFC 3629): overlong forms and surrogates are not valid. Pure functions; thread-safe.
#ifndef SERVER_BASE_UTF8_H_
#define SERVER_BASE_UTF8_H_

#include <cstddef>
#include <string_view>

namespace vllm_router::base {

// Length of the valid sequence at the head of `s`, which is not empty; 0: there is none.
size_t Utf8SequenceLength(std::string_view s);

// UTF-8 without control characters (U+0000 to U+001F, U+007F).
bool IsText(std::string_view s);

}  // namespace vllm_router::base

#endif  // SERVER_BASE_UTF8_H_
