// Follows a Server-Sent Events stream (WHATWG HTML, section 9.2) as it is relayed, without changing
// or keeping it: how many events have passed, and where an event of our own may be put in. Bytes
// may be cut anywhere; O(bytes), no allocation. One per stream; not thread-safe.
#ifndef SERVER_HTTP_SSE_SCANNER_H_
#define SERVER_HTTP_SSE_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vllm_router::http {

class SseScanner {
 public:
  // Looks at the next payload bytes of the stream.
  void Feed(std::string_view bytes);

  // Events dispatched so far: blocks with at least one `data` field, ended by an empty line.
  // Comments do not count.
  uint64_t data_events() const { return data_events_; }
  // An event whose data is just `[DONE]` has been completed.
  bool done() const { return done_; }
  // What must be sent before an event of our own: "" at an event boundary, "\n" after a whole line
  // of an unfinished event, "\n\n" inside a line, and also after a line that has so far ended in CR
  // alone, to which a single LF would still belong. (An unfinished block is thereby dispatched as
  // it is; clients ignore what they cannot parse.)
  std::string_view SeparatorBeforeEvent() const;

 private:
  // Enough of a line to know it: a byte order mark and "data: [DONE]", and one more to know that it
  // is longer.
  static constexpr size_t kLineStart = 16;

  // Keeps the first bytes of a line that is not complete yet.
  void KeepPart(std::string_view part);
  void EndLine(std::string_view line);
  void EndBlock();

  uint64_t data_events_ = 0;
  uint8_t line_length_ = 0;  // bytes kept of the current line, saturating at kLineStart
  char line_start_[kLineStart] = {};
  bool first_line_ = true;  // may begin with a byte order mark
  bool last_was_cr_ = false;
  bool block_open_ = false;      // the current block has a line
  bool block_has_data_ = false;  // ... of the field `data`
  bool block_is_done_ = false;   // ... and this, its only one, is [DONE]
  bool done_ = false;
};

}  // namespace vllm_router::http

#endif  // SERVER_HTTP_SSE_SCANNER_H_
