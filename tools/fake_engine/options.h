// Everything that can be set about an engine. Constant after start, except what FakeEngine or
// /fake/control change.
#ifndef TOOLS_FAKE_ENGINE_OPTIONS_H_
#define TOOLS_FAKE_ENGINE_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "tools/fake_engine/fault.h"

namespace vllm_router::fake_engine {

// How fast the modelled engine works. All zero: answers at once.
struct Pacing {
  base::Duration ttft{
      0};  // from admission to the first token (or the answer, where there are no tokens)
  base::Duration itl{0};  // between tokens
  base::Duration prefill_per_token{
      0};                // per prompt token that the prefix cache does not hold, added to ttft
  uint32_t tokens = 16;  // natural length of an answer
};

struct Options {
  std::string host = "127.0.0.1";  // an IPv4 address
  uint16_t port = 0;               // 0: any free one
  std::vector<std::string> models = {
      "fake-model"};  // the first is the base model, the name in metrics
  bool accept_any_model = false;
  std::string api_key;              // empty: none asked for
  uint32_t max_model_len = 131072;  // shown, not enforced

  Pacing pacing;
  bool spread_phases =
      false;  // adds a fraction of itl to ttft, so that streams do not tick together
  bool stamp_tokens = false;
  uint32_t max_running = 0;   // more wait in a queue; 0: no bound
  uint32_t kv_blocks = 8192;  // 16 tokens each
  bool prefix_cache = true;
  uint32_t embedding_dimensions = 16;

  base::Duration keep_alive =
      std::chrono::seconds(5);        // of an idle connection after an answer; 0: for ever
  Fault fault;                        // of every request that asks a model
  bool discard_large_bodies = false;  // see LargeBody in connection.h

  uint32_t record_requests = 256;           // how many of the last requests are kept
  uint64_t record_body_bytes = 1ull << 20;  // as much of each body
  bool record_answers = false;              // all of those with tokens, see RecordedAnswer
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_OPTIONS_H_
