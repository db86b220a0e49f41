// Where an event of our own may be put into a Server-Sent Events stream (WHATWG HTML, section 9.2)
// that is relayed: its last three bytes tell, however they came. O(1), no allocation. One per
// stream; not thread-safe.
#ifndef SERVER_HTTP_SSE_TAIL_H_
#define SERVER_HTTP_SSE_TAIL_H_

#include <array>
#include <cstddef>
#include <string_view>

namespace vllm_router::http {

class SseTail {
 public:
  // The next payload bytes of the stream.
  void Feed(std::string_view bytes);

  // What must be sent before an event of our own: "" at an event boundary, "\n" after a whole line
  // of an unfinished event, "\n\n" inside a line, and also after a line that has so far ended in CR
  // alone, to which a single LF would still belong. (An unfinished block is thereby dispatched as
  // it is; clients ignore what they cannot parse.)
  std::string_view SeparatorBeforeEvent() const;

 private:
  // A line end of two bytes, and the one before it.
  std::array<char, 3> last_{};
  size_t size_ = 0;
};

}  // namespace vllm_router::http

#endif  // SERVER_HTTP_SSE_TAIL_H_
