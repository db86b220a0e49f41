#include "server/gateway/endpoint_table.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace vllm_router::gateway {
namespace {

TEST(EndpointTable, KnowsEveryPathOfTheContract) {
  const std::vector<std::pair<std::string_view, EndpointKind>> paths = {
      {"/v1/chat/completions", EndpointKind::kRoutedJson},
      {"/v1/completions", EndpointKind::kRoutedJson},
      {"/v1/embeddings", EndpointKind::kRoutedJson},
      {"/v1/responses", EndpointKind::kRoutedJson},
      {"/v1/messages", EndpointKind::kRoutedJson},
      {"/v1/messages/count_tokens", EndpointKind::kRoutedJson},
      {"/v1/rerank", EndpointKind::kRoutedJson},
      {"/v2/rerank", EndpointKind::kRoutedJson},
      {"/rerank", EndpointKind::kRoutedJson},
      {"/v1/score", EndpointKind::kRoutedJson},
      {"/score", EndpointKind::kRoutedJson},
      {"/pooling", EndpointKind::kRoutedJson},
      {"/classify", EndpointKind::kRoutedJson},
      {"/tokenize", EndpointKind::kRoutedJson},
      {"/detokenize", EndpointKind::kRoutedJson},
      {"/v1/moderations", EndpointKind::kRoutedJson},
      {"/v1/audio/speech", EndpointKind::kRoutedJson},
      {"/v1/images/generations", EndpointKind::kRoutedJson},
      {"/v1/audio/transcriptions", EndpointKind::kRoutedMultipart},
      {"/v1/audio/translations", EndpointKind::kRoutedMultipart},
      {"/v1/images/edits", EndpointKind::kRoutedMultipart},
      {"/v1/images/variations", EndpointKind::kRoutedMultipart},
      {"/v1/audio/voices", EndpointKind::kRoutedQuery},
      {"/v1/models", EndpointKind::kModels},
      {"/v1/models/org/name", EndpointKind::kModel},
      {"/engines", EndpointKind::kEngines},
      {"/health", EndpointKind::kHealth},
      {"/livez", EndpointKind::kLivez},
      {"/readyz", EndpointKind::kReadyz},
      {"/version", EndpointKind::kVersion},
      {"/metrics", EndpointKind::kMetrics},
      {"/sleep", EndpointKind::kEngineControl},
      {"/wake_up", EndpointKind::kEngineControl},
      {"/is_sleeping", EndpointKind::kEngineControl},
      {"/v1/brand/new", EndpointKind::kRoutedAny},
  };
  for (const auto& [path, kind] : paths) EXPECT_EQ(FindEndpoint(path).kind, kind) << path;
}

TEST(EndpointTable, DoesNotMatchWhatAnEngineCouldResolveToAnotherPath) {
  for (const std::string_view path :
       {"/v1/../smuggled", "/v1/./x", "/v1/.x", "/v1//x", "/v1/x/", "/v1/%2e%2e/x", "/v1/x%00",
        "/v1/", "/v1", "/", "/health/", "/Health", "/v1/chat\\completions"}) {
    EXPECT_EQ(FindEndpoint(path).kind, EndpointKind::kUnknown) << path;
  }
}

TEST(EndpointTable, TakesTheMethodsThatAllowNames) {
  const Endpoint chat = FindEndpoint("/v1/chat/completions");
  EXPECT_EQ(chat.allow, "POST");
  EXPECT_TRUE(chat.Takes(http::Method::kPost));
  EXPECT_FALSE(chat.Takes(http::Method::kGet));
  const Endpoint health = FindEndpoint("/health");
  EXPECT_EQ(health.allow, "GET, HEAD");
  EXPECT_TRUE(health.Takes(http::Method::kHead));
  EXPECT_FALSE(health.Takes(http::Method::kPost));
  EXPECT_FALSE(health.Takes(http::Method::kOther));
}

TEST(EndpointTable, OpensOnlyProbesVersionAndMetricsWithoutAKey) {
  for (const std::string_view path : {"/health", "/livez", "/readyz", "/version", "/metrics"}) {
    EXPECT_TRUE(FindEndpoint(path).open()) << path;
  }
  for (const std::string_view path :
       {"/v1/models", "/engines", "/v1/chat/completions", "/sleep", "/v1/new"}) {
    EXPECT_FALSE(FindEndpoint(path).open()) << path;
  }
}

}  // namespace
}  // namespace vllm_router::gateway
