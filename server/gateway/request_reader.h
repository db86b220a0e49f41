// What a request wants: its model, its session, whether it is streamed, and the pool that all of
// this leads to. Shared by transactions, which send it there, and by ExplainRoute, which only says
// where it would go. Functions without state of their own; the parser belongs to its shard.
#ifndef SERVER_GATEWAY_REQUEST_READER_H_
#define SERVER_GATEWAY_REQUEST_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "server/base/rng.h"
#include "server/fleet/snapshot.h"
#include "server/gateway/endpoint_table.h"
#include "server/openai/error.h"
#include "server/openai/request_view.h"

namespace vllm_router::gateway {

// A request as it came; views that last for the call.
struct RequestSource {
  EndpointKind kind = EndpointKind::kRoutedJson;
  std::string_view content_type;
  std::string_view content_encoding;
  std::string_view query;
  std::string_view body;
  size_t padding = 0;  // readable bytes behind the body
  // The value of the first header field of that name, in any case; nullopt: there is none.
  absl::FunctionRef<std::optional<std::string_view>(std::string_view name)> header;
};

// multipart/form-data and its kin.
bool IsMultipart(std::string_view content_type);

enum class SessionSource : uint8_t { kNone, kHeader, kBody };

// Reused from request to request, so that the model keeps its memory.
struct RequestFacts {
  std::string model;  // as asked for; empty where the path names none
  std::optional<std::string> session_id{};
  SessionSource session_source = SessionSource::kNone;
  bool stream = false;
  size_t model_offset = 0;    // of the model's value in the body, with its quotes if it has some
  size_t model_length = 0;    // 0: it is not in the body
  bool model_quoted = false;  // it is a JSON string there
};

// Fills `facts`, or returns why the request is refused; a JSON body that only lacks a model fills
// the rest all the same. The session id is that of the header `session_key`, else of the body's
// field; an empty key means no sessions.
const openai::RequestError* ReadRequest(const RequestSource& source, std::string_view session_key,
                                        openai::RequestViewParser& parser, RequestFacts* facts);

// Whether all that is wrong is that no model is named.
bool LacksModel(const openai::RequestError* error);

// The pool that `facts`, which were read by the common rules, lead to, through an alias if there is
// one; nullptr when the model is unknown. The rules of a model can name another session key than
// the common ones: then the session of `facts` is read again.
const fleet::Pool* ResolvePool(const RequestSource& source, const fleet::Snapshot& snapshot,
                               openai::RequestViewParser& parser, base::Rng& rng,
                               RequestFacts* facts);
// The same for a request whose session id is known already.
const fleet::Pool* ResolvePool(std::string_view model, std::optional<std::string_view> session_id,
                               const fleet::Snapshot& snapshot, base::Rng& rng);

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_REQUEST_READER_H_
