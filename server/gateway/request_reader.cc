#include "server/gateway/request_reader.h"

#include "server/base/strings.h"
#include "server/gateway/local_endpoints.h"
#include "server/openai/multipart.h"

namespace vllm_router::gateway {
namespace {

namespace errors = openai::errors;

template <typename View>
void Take(const View& view, bool quoted, RequestFacts* facts) {
  facts->model.assign(view.model);
  facts->model_quoted = quoted;
  facts->model_offset = view.model_value_offset;
  facts->model_length = view.model_value_length;
  facts->stream = view.stream;
  if (view.session_id) {
    facts->session_id.emplace(*view.session_id);
    facts->session_source = SessionSource::kBody;
  }
}

const openai::RequestError* ReadBody(const RequestSource& source, bool multipart,
                                     std::string_view session_key,
                                     openai::RequestViewParser& parser, RequestFacts* facts) {
  if (!source.content_encoding.empty() &&
      !base::EqualsIgnoreCase(source.content_encoding, "identity")) {
    return &errors::kUnsupportedMediaType;
  }
  if (multipart) {
    const auto boundary = openai::ParseBoundary(source.content_type);
    if (!boundary) return &errors::kInvalidMultipart;
    openai::MultipartView view;
    if (const auto* error = openai::ScanMultipart(source.body, *boundary, session_key, &view))
      return error;
    Take(view, /*quoted=*/false, facts);
    return nullptr;
  }
  openai::RequestView view;
  const auto* error = parser.Parse(source.body, source.padding, session_key, &view);
  if (error == nullptr || error == &errors::kMissingModel) Take(view, /*quoted=*/true, facts);
  return error;
}

}  // namespace

bool IsMultipart(std::string_view content_type) {
  constexpr std::string_view kMultipart = "multipart/";
  return base::EqualsIgnoreCase(content_type.substr(0, kMultipart.size()), kMultipart);
}

const openai::RequestError* ReadRequest(const RequestSource& source, std::string_view session_key,
                                        openai::RequestViewParser& parser, RequestFacts* facts) {
  facts->model.clear();
  facts->session_id.reset();
  facts->session_source = SessionSource::kNone;
  facts->stream = false;
  facts->model_offset = facts->model_length = 0;
  const openai::RequestError* error = nullptr;
  const bool multipart = IsMultipart(source.content_type);
  switch (source.kind) {
    case EndpointKind::kRoutedJson:
      error = multipart ? &errors::kUnsupportedMediaType
                        : ReadBody(source, false, session_key, parser, facts);
      break;
    case EndpointKind::kRoutedMultipart:
      error = ReadBody(source, true, session_key, parser, facts);
      break;
    case EndpointKind::kRoutedAny:
      error = ReadBody(source, multipart, session_key, parser, facts);
      // Not a path of ours, and nothing that says where it should go.
      if (error == &errors::kMissingModel || error == &errors::kInvalidJson)
        error = &errors::kUnknownPath;
      break;
    case EndpointKind::kRoutedQuery:
      facts->model = QueryParameter(source.query, "model").value_or("");
      if (facts->model.empty()) error = &errors::kMissingModelInQuery;
      break;
    default:
      break;
  }
  const bool names_no_model = error == &errors::kMissingModel;
  if ((error != nullptr && !names_no_model) || session_key.empty()) return error;
  // The header wins over the body (upstream section 3).
  if (const auto id = source.header(session_key)) {
    facts->session_id.emplace(*id);
    facts->session_source = SessionSource::kHeader;
  }
  return error;
}

bool LacksModel(const openai::RequestError* error) {
  return error == &errors::kMissingModel || error == &errors::kMissingModelInForm ||
         error == &errors::kMissingModelInQuery;
}

const fleet::Pool* ResolvePool(std::string_view model, std::optional<std::string_view> session_id,
                               const fleet::Snapshot& snapshot, base::Rng& rng) {
  if (const fleet::Alias* alias = snapshot.FindAlias(model); alias != nullptr) {
    // A session keeps its side of a canary.
    model = alias->Choose(session_id ? base::HashBytes(*session_id) : rng());
  }
  return snapshot.FindPool(model);
}

const fleet::Pool* ResolvePool(const RequestSource& source, const fleet::Snapshot& snapshot,
                               openai::RequestViewParser& parser, base::Rng& rng,
                               RequestFacts* facts) {
  const fleet::Pool* pool = ResolvePool(facts->model, facts->session_id, snapshot, rng);
  const bool own_rules = pool != nullptr && pool->route != snapshot.route;
  if (own_rules && pool->route->session_key != snapshot.route->session_key) {
    // It has been read once without a fault.
    ReadRequest(source, pool->route->session_key, parser, facts);
  }
  return pool;
}

}  // namespace vllm_router::gateway
