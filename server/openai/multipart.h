// What the router reads of a multipart/form-data body (RFC 7578, RFC 2046 section 5.1), without
// copying or rebuilding it: the text field `model`, the session key and `stream`. Parts of any
// content are skipped at several GB/s.
//
// The body is forwarded as it was received, so, as for JSON, a body that two parsers could read
// differently is refused:
//   - a boundary of other than 1 to 70 characters of RFC 2046's set, given twice, or encoded
//   (boundary*=);
//   - a line that begins with the boundary but is no delimiter (transport padding included: the
//   engines' parser takes
//     it for data), begins after a bare LF, or stands where a part's data should begin;
//   - a part without exactly one Content-Disposition: form-data that names it exactly once and
//   plainly (no name*=, no backslash);
//   - folded header lines, stray CR, LF or NUL in a part's header, a `model` with a file name, in a
//   transfer encoding,
//     or given twice; the boundary once more behind the end.
// A preamble and an epilogue without the boundary are skipped. Bounds: 256 parts, 8 KiB of header
// for each. Pure functions, no state, no allocation: thread-safe.
#ifndef SERVER_OPENAI_MULTIPART_H_
#define SERVER_OPENAI_MULTIPART_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "server/openai/error.h"

namespace vllm_router::openai {

inline constexpr size_t kMaxParts = 256;
inline constexpr size_t kMaxPartHeaderBytes = 8192;

// The boundary that a Content-Type of multipart/form-data names, as a view into it. nullopt:
// another media type, no usable boundary, or a charset other than UTF-8 or ASCII, in which field
// names could mean something else.
std::optional<std::string_view> ParseBoundary(std::string_view content_type);

// Views into the body.
struct MultipartView {
  std::string_view
      model;  // the field's bytes; same rules as in JSON (CheckModelName), and valid UTF-8
  size_t model_value_offset = 0;  // in the body
  size_t model_value_length = 0;
  bool stream = false;  // the field `stream` is "true", in any case
  // Value of the session key's field; a file of that name does not count. The last one if there are
  // several.
  std::optional<std::string_view> session_id;
};

// Fills `out` and returns nullptr; or returns why the request is refused (static lifetime), with
// `out` unspecified. An empty `session_key` means that nobody asks for a session id.
const RequestError* ScanMultipart(std::string_view body, std::string_view boundary,
                                  std::string_view session_key, MultipartView* out);

// The body with `new_model` in place of its model, all other bytes unchanged. `view` must be of
// this body; `new_model` must satisfy CheckModelName, which keeps line ends and so boundaries out.
std::string SpliceModel(std::string_view body, const MultipartView& view,
                        std::string_view new_model);

}  // namespace vllm_router::openai

#endif  // SERVER_OPENAI_MULTIPART_H_
