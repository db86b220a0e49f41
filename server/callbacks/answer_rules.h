// What an answer of PreRequest may hold: the rules of callback.proto. Nothing of an answer that
// breaks one is applied. Pure functions without gRPC; thread-safe.
#ifndef SERVER_CALLBACKS_ANSWER_RULES_H_
#define SERVER_CALLBACKS_ANSWER_RULES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "proto/callback.pb.h"
#include "server/callbacks/registration.h"

namespace vllm_router::callbacks {

inline constexpr int kMaxHeaderChanges = 64;
inline constexpr uint64_t kMaxHeaderChangeBytes = 16u << 10;
// What the rules ask about the request that the answer is for.
struct AnsweredRequest {
  bool whole_body = false;      // the service got all of its body: mode FULL, not truncated
  bool multipart = false;       // the body is multipart/form-data
  uint64_t max_body_bytes = 0;  // the router's bound of request bodies
};

// A body that the service got all of, so that it may replace it.
bool IsWholeBody(const v1::BodyContent& body);

// The rule that `answer` breaks, in English with the field that breaks it; nullopt: none. A header
// is named, its value never: it may be a secret.
std::optional<std::string> BrokenRule(const v1::PreRequestResponse& answer,
                                      const Registration& registration,
                                      const AnsweredRequest& request);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_ANSWER_RULES_H_
