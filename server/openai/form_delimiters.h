// The lines that separate the parts of a multipart body (RFC 2046 section 5.1.1), found
// in linear time. A view of the caller's body; immutable, so thread-safe.
#ifndef SERVER_OPENAI_FORM_DELIMITERS_H_
#define SERVER_OPENAI_FORM_DELIMITERS_H_

#include <array>
#include <cstddef>
#include <string_view>

namespace vllm_router::openai {

inline constexpr size_t kMaxBoundaryBytes = 70;

// 1 to 70 characters of the RFC's set, of which the last is no space.
bool IsFormBoundary(std::string_view boundary);

// Offsets in the body.
struct FormDelimiter {
  size_t begin = 0;  // of the line end before it, which is part of it
  size_t end = 0;    // behind its own line end, or behind the two dashes that close the body
  bool closes = false;
};

class FormDelimiters {
 public:
  // `boundary` satisfies IsFormBoundary. `body` must outlive this.
  FormDelimiters(std::string_view body, std::string_view boundary);

  // The first delimiter, at the body's beginning or behind a preamble; false as for Next.
  bool First(FormDelimiter* out) const;
  // The delimiter that ends the data that begin at `begin`. False: there is none, or a line that
  // begins like one but is none by the strictest reading (CRLF before it, CRLF or two dashes behind
  // it).
  bool Next(size_t begin, FormDelimiter* out) const;
  // Some line at or behind `position` begins with the boundary.
  bool OccursBehind(size_t position) const;

 private:
  std::string_view Needle() const { return {needle_.data(), needle_size_}; }
  // Where the needle first occurs at or behind `from`, or npos.
  size_t Find(size_t from) const;
  // ... of those that begin in [begin, end).
  size_t FindIn(size_t begin, size_t end) const;
  bool ReadEnd(size_t position, FormDelimiter* out) const;

  std::string_view body_;
  std::array<char, kMaxBoundaryBytes + 3> needle_;  // LF "--" boundary
  size_t needle_size_ = 0;
};

}  // namespace vllm_router::openai

#endif  // SERVER_OPENAI_FORM_DELIMITERS_H_
