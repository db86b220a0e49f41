// The messages of RouterCallback from what the data plane knows of a request, as one registration
// lets it travel, and back. Pure functions; thread-safe.
#ifndef SERVER_CALLBACKS_FACTS_H_
#define SERVER_CALLBACKS_FACTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/callback.pb.h"
#include "server/callbacks/header_rules.h"
#include "server/callbacks/hooks.h"

namespace vllm_router::callbacks {

// All but the body.
void FillFacts(const RequestView& request, const HeaderRules& rules, v1::RequestFacts* facts);
// A PreRequestRequest on the wire, around the bytes of the body that stay where they are: what
// stands before them, and behind.
struct SplitMessage {
  std::string before;
  std::string behind;
};
// `body`: as it travels, without its data, which is `data_bytes` long.
SplitMessage SplitAroundBody(const std::string& callback, const v1::RequestFacts& facts,
                             const v1::BodyContent& body, size_t data_bytes);

// All but the request and the answer's body.
void FillEnd(const EndView& end, const HeaderRules& rules, v1::PostRequestRequest* message);

// Of an answer that breaks no rule (answer_rules.h).
Verdict ToVerdict(v1::PreRequestResponse&& answer);

// Constant English text that explains a cause.
std::string_view CauseMessage(v1::RequestCause cause);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_FACTS_H_
