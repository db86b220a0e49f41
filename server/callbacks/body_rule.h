// How much of a body travels to a callback service: body mode, bound and what happens above it.
// A value type and a pure function; thread-safe.
#ifndef SERVER_CALLBACKS_BODY_RULE_H_
#define SERVER_CALLBACKS_BODY_RULE_H_

#include <cstdint>
#include <string_view>

#include "proto/router.pb.h"

namespace vllm_router::callbacks {

// Of the body that PreRequest answers with, whatever the registration says.
inline constexpr uint64_t kMaxAnswerBodyBytes = 1u << 20;

enum class BodyVerdict : uint8_t {
  kSend,  // as BodyContent says
  kSkip,  // the call is not made
  kDeny,  // the call is not made and the request ends with 413
};

struct BodyRule {
  v1::BodyMode mode = v1::BODY_MODE_NONE;  // never UNSPECIFIED
  uint64_t max_bytes = 0;
  v1::OverLimit over_limit = v1::OVER_LIMIT_TRUNCATE;  // never UNSPECIFIED

  // How many of `total_bytes` travel: what has to be kept, and nothing when the call is not made.
  uint64_t BytesToSend(uint64_t total_bytes) const;
  BodyVerdict Judge(uint64_t total_bytes) const;

  // All of a BodyContent but its data.
  void Describe(uint64_t total_bytes, v1::BodyContent* out) const;
  // Copies what travels out of `data`, which is the body or its beginning; `total_bytes` is the
  // length of the whole body, at least that of `data`.
  void Fill(std::string_view data, uint64_t total_bytes, v1::BodyContent* out) const;
};

BodyRule RequestBodyRule(const v1::Callback& callback);
// Of the answer's body that PostRequest gets: there is nothing to deny any more.
BodyRule ResponseBodyRule(const v1::Callback& callback);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_BODY_RULE_H_
