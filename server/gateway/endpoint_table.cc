#include "server/gateway/endpoint_table.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "server/base/strings.h"

namespace vllm_router::gateway {
namespace {

constexpr std::string_view kGet = "GET, HEAD";
constexpr std::string_view kPost = "POST";

using Table = absl::flat_hash_map<std::string_view, Endpoint, base::StringHash, base::StringEq>;

Table MakeTable() {
  Table table;
  const auto add = [&](EndpointKind kind, std::string_view allow,
                       std::initializer_list<std::string_view> paths) {
    for (const std::string_view path : paths) table.emplace(path, Endpoint{kind, allow});
  };
  add(EndpointKind::kRoutedJson, kPost,
      {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/messages",
       "/v1/messages/count_tokens", "/v1/rerank", "/v2/rerank", "/rerank", "/v1/score", "/score",
       "/pooling", "/classify", "/tokenize", "/detokenize", "/v1/moderations", "/v1/audio/speech",
       "/v1/images/generations"});
  add(EndpointKind::kRoutedMultipart, kPost,
      {"/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits",
       "/v1/images/variations"});
  add(EndpointKind::kRoutedQuery, kGet, {"/v1/audio/voices"});
  add(EndpointKind::kModels, kGet, {"/v1/models"});
  add(EndpointKind::kEngines, kGet, {"/engines"});
  add(EndpointKind::kHealth, kGet, {"/health"});
  add(EndpointKind::kLivez, kGet, {"/livez"});
  add(EndpointKind::kReadyz, kGet, {"/readyz"});
  add(EndpointKind::kVersion, kGet, {"/version"});
  add(EndpointKind::kMetrics, kGet, {"/metrics"});
  add(EndpointKind::kEngineControl, kPost, {"/sleep", "/wake_up"});
  add(EndpointKind::kEngineControl, kGet, {"/is_sleeping"});
  return table;
}

bool IsPlainPath(std::string_view path) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~' || c == '/';
  };
  return std::all_of(path.begin(), path.end(), plain) &&
         path.find("//") == std::string_view::npos && path.find("/.") == std::string_view::npos &&
         path.back() != '/';
}

}  // namespace

bool Endpoint::Takes(http::Method method) const {
  switch (method) {
    case http::Method::kGet:
    case http::Method::kHead:
      return allow == kGet;
    case http::Method::kPost:
      return allow == kPost;
    default:
      return false;
  }
}

bool Endpoint::open() const {
  return kind == EndpointKind::kHealth || kind == EndpointKind::kLivez ||
         kind == EndpointKind::kReadyz || kind == EndpointKind::kVersion ||
         kind == EndpointKind::kMetrics;
}

bool IsLocal(EndpointKind kind) {
  switch (kind) {
    case EndpointKind::kModels:
    case EndpointKind::kModel:
    case EndpointKind::kEngines:
    case EndpointKind::kHealth:
    case EndpointKind::kLivez:
    case EndpointKind::kReadyz:
    case EndpointKind::kVersion:
    case EndpointKind::kMetrics:
      return true;
    default:
      return false;
  }
}

Endpoint FindEndpoint(std::string_view path) {
  static const Table& table = *new Table(MakeTable());
  if (const auto found = table.find(path); found != table.end()) return found->second;
  constexpr std::string_view kModelPrefix = "/v1/models/";
  if (path.substr(0, kModelPrefix.size()) == kModelPrefix && path.size() > kModelPrefix.size()) {
    return {EndpointKind::kModel, kGet};
  }
  constexpr std::string_view kV1 = "/v1/";
  if (path.substr(0, kV1.size()) == kV1 && path.size() > kV1.size() && IsPlainPath(path)) {
    return {EndpointKind::kRoutedAny, kPost};
  }
  return {};
}

}  // namespace vllm_router::gateway
