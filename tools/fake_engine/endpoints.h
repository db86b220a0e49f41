// The paths that the engine serves, as vLLM's server does, and what serves them. Thread-safe: a
// constant table.
#ifndef TOOLS_FAKE_ENGINE_ENDPOINTS_H_
#define TOOLS_FAKE_ENGINE_ENDPOINTS_H_

#include <cstdint>
#include <string_view>

#include "server/http/head.h"

namespace vllm_router::fake_engine {

enum class Api : uint8_t {
  // Asked of a model. These are what faults, holding and canned answers apply to.
  kChat,
  kCompletion,
  kResponses,
  kMessages,
  kCountTokens,
  kEmbeddings,
  kRerank,
  kScore,
  kPooling,
  kClassify,
  kTokenize,
  kDetokenize,
  kModerations,
  kTranscription,
  kTranslation,
  kSpeech,
  kImages,
  // Asked of the server.
  kModels,
  kVoices,
  kHealth,
  kPing,
  kVersion,
  kMetrics,
  kSleep,
  kWakeUp,
  kIsSleeping,
  // Ours, for tests: not counted, not recorded.
  kFakeStats,
  kFakeRequests,
  kFakeReset,
  kFakeControl,
};

struct Endpoint {
  std::string_view path;
  http::Method method;
  Api api;

  bool asks_model() const { return api <= Api::kImages; }
  bool generates() const { return api <= Api::kMessages; }  // tokens, streamed on request
  bool is_fake() const { return api >= Api::kFakeStats; }
  // Whoever watches engines asks for metrics when it likes; tests count what clients ask.
  bool is_counted() const { return !is_fake() && api != Api::kMetrics; }
};

// nullptr for a path that is not served.
const Endpoint* FindEndpoint(std::string_view path);

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_ENDPOINTS_H_
