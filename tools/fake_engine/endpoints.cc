#include "tools/fake_engine/endpoints.h"

namespace vllm_router::fake_engine {
namespace {

using http::Method;

// The busiest first: the table is searched from its start.
constexpr Endpoint kEndpoints[] = {
    {"/v1/chat/completions", Method::kPost, Api::kChat},
    {"/v1/completions", Method::kPost, Api::kCompletion},
    {"/v1/embeddings", Method::kPost, Api::kEmbeddings},
    {"/v1/responses", Method::kPost, Api::kResponses},
    {"/v1/messages", Method::kPost, Api::kMessages},
    {"/v1/messages/count_tokens", Method::kPost, Api::kCountTokens},
    {"/health", Method::kGet, Api::kHealth},
    {"/metrics", Method::kGet, Api::kMetrics},
    {"/v1/models", Method::kGet, Api::kModels},
    {"/v1/rerank", Method::kPost, Api::kRerank},
    {"/v2/rerank", Method::kPost, Api::kRerank},
    {"/rerank", Method::kPost, Api::kRerank},
    {"/v1/score", Method::kPost, Api::kScore},
    {"/score", Method::kPost, Api::kScore},
    {"/pooling", Method::kPost, Api::kPooling},
    {"/classify", Method::kPost, Api::kClassify},
    {"/tokenize", Method::kPost, Api::kTokenize},
    {"/detokenize", Method::kPost, Api::kDetokenize},
    {"/v1/moderations", Method::kPost, Api::kModerations},
    {"/v1/audio/transcriptions", Method::kPost, Api::kTranscription},
    {"/v1/audio/translations", Method::kPost, Api::kTranslation},
    {"/v1/audio/speech", Method::kPost, Api::kSpeech},
    {"/v1/audio/voices", Method::kGet, Api::kVoices},
    {"/v1/images/generations", Method::kPost, Api::kImages},
    {"/v1/images/edits", Method::kPost, Api::kImages},
    {"/v1/images/variations", Method::kPost, Api::kImages},
    {"/ping", Method::kGet, Api::kPing},
    {"/version", Method::kGet, Api::kVersion},
    {"/sleep", Method::kPost, Api::kSleep},
    {"/wake_up", Method::kPost, Api::kWakeUp},
    {"/is_sleeping", Method::kGet, Api::kIsSleeping},
    {"/fake/stats", Method::kGet, Api::kFakeStats},
    {"/fake/requests", Method::kGet, Api::kFakeRequests},
    {"/fake/reset", Method::kPost, Api::kFakeReset},
    {"/fake/control", Method::kPost, Api::kFakeControl},
};

}  // namespace

const Endpoint* FindEndpoint(std::string_view path) {
  for (const Endpoint& endpoint : kEndpoints) {
    if (endpoint.path == path) return &endpoint;
  }
  return nullptr;
}

}  // namespace vllm_router::fake_engine
