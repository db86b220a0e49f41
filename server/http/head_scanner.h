// Finds the end of a message head in bytes that arrive in pieces, and holds it to its limits before
// anything parses it. Looks at each byte once, however small the pieces, and gives the same answer
// however they are cut: the first byte that breaks a rule decides. One per message; not
// thread-safe.
#ifndef SERVER_HTTP_HEAD_SCANNER_H_
#define SERVER_HTTP_HEAD_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vllm_router::http {

struct HeadLimits {
  size_t max_bytes = 32768;       // start line and fields together, line ends included
  size_t max_start_line = 16384;  // without its CRLF; a request's longer one is 414
  size_t max_fields = 100;
};

class HeadScanner {
 public:
  enum class Result : uint8_t {
    kNeedMore,
    kComplete,
    kBadLineEnding,  // a line that ends in LF without CR, or a CR or NUL inside a line (RFC 9112
                     // section 2.2)
    kStartLineTooLong,
    kTooLarge,
    kTooManyFields,
  };

  // `bytes` holds everything since the head began, what earlier calls saw included. After anything
  // but kNeedMore the scanner must be Reset before it is used again. Limits are also enforced on a
  // head that never ends.
  Result Scan(std::string_view bytes, const HeadLimits& limits);

  // After kComplete: empty lines before the start line that a lenient reader skips (RFC 9112
  // section 2.2; at most 8 CRLFs, more are kBadLineEnding), and the head's end, both counted from
  // the start of `bytes`.
  size_t head_begin() const { return begin_; }
  size_t head_end() const { return end_; }

  void Reset() { *this = HeadScanner(); }

 private:
  // kNeedMore unless the bytes before `line_end` (of a start line) or before `seen` (of the head)
  // are too many.
  Result CheckLimits(size_t line_end, size_t seen, const HeadLimits& limits) const;
  // Takes note of the line whose CR is at `cr`, its LF seen.
  Result EndLine(size_t cr, const HeadLimits& limits);

  size_t begin_ = 0;       // where the start line begins
  size_t line_begin_ = 0;  // where the line that is being looked at begins
  size_t scanned_ = 0;     // bytes before this one have been looked at
  size_t end_ = 0;
  size_t lines_ = 0;  // complete lines since begin_
};

}  // namespace vllm_router::http

#endif  // SERVER_HTTP_HEAD_SCANNER_H_
