// What the router reads of a JSON request body, and how an alias gets into it.
//
// One on-demand pass of simdjson over the top-level object; no document is built, nothing below the
// top level is looked at beyond its brackets. The body is forwarded as it was received, so the
// rules make sure that the engine, whose parser is strict, reads the same `model`:
//   - every string is valid UTF-8 without raw control characters (every byte outside them too,
//   where simdjson has a
//     SIMD kernel for the CPU), and the body is one object with nothing but white space behind it;
//   - `model` and `stream` occur at most once at the top level, whatever escapes spell the key;
//   - `model` is a string of 1 to 1024 bytes without control characters (model_name.h).
// What the pass skips (nested values, numbers) may be no JSON at all: the engine judges that.
// Nesting costs no stack. A leading UTF-8 byte order mark is accepted (RFC 8259 section 8.1 lets a
// parser ignore it; the Python engines do). A lone surrogate (\ud800) is refused in `model`, in the
// session id and in the keys that have to be unescaped.
#ifndef SERVER_OPENAI_REQUEST_VIEW_H_
#define SERVER_OPENAI_REQUEST_VIEW_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/openai/error.h"

namespace vllm_router::openai {

// Views point into the parser or into the body: valid until the parser's next Parse, and while the
// body lives. Policies that want the prompt get further members of this struct; nobody takes it
// apart by position.
struct RequestView {
  std::string_view model;         // unescaped
  size_t model_value_offset = 0;  // in the body, of the JSON string literal with its quotes
  size_t model_value_length = 0;
  bool stream =
      false;  // true only for the literal `true`: what else `stream` may be, the engine judges
  // Top-level value of the session key. Strings as they are; numbers as written, booleans as True
  // and False (the texts that the original hashes); absent for null, arrays and objects. The last
  // one counts if there are several.
  std::optional<std::string_view> session_id;
};

// One per shard; not thread-safe. Keeps its buffers (about 6 bytes for each byte of the largest
// body), so that Parse does not allocate once they have grown; buffers for bodies above 1 MiB are
// given back after a run of smaller ones.
class RequestViewParser {
 public:
  static constexpr size_t kPadding = 64;  // bytes that may be read behind a body

  RequestViewParser();
  ~RequestViewParser();
  RequestViewParser(const RequestViewParser&) = delete;
  RequestViewParser& operator=(const RequestViewParser&) = delete;

  // Fills `out` and returns nullptr; or returns why the request is refused (static lifetime), with
  // `out` unspecified, or without a model and otherwise filled for kMissingModel.
  // `padding_available`: readable bytes behind the body, whatever they hold. With fewer than
  // kPadding of them the body is copied first. An empty `session_key` means that nobody asks for a
  // session id.
  const RequestError* Parse(std::string_view body, size_t padding_available,
                            std::string_view session_key, RequestView* out);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The body with `new_model` in place of its model, all other bytes unchanged. `view` must be of
// this body.
std::string SpliceModel(std::string_view body, const RequestView& view, std::string_view new_model);

}  // namespace vllm_router::openai

#endif  // SERVER_OPENAI_REQUEST_VIEW_H_
