#include "server/openai/form_delimiters.h"

#include <algorithm>

namespace vllm_router::openai {
namespace {

constexpr std::string_view kPrefix = "\n--";

bool IsBoundaryCharacter(char c) {
  const bool is_alphanumeric =
      (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return is_alphanumeric || std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

constexpr size_t kBlock = 64;

// Whether a line begins with two dashes in the kBlock bytes at `p`; reads two bytes more. Compilers
// make vector code of it. memmem and memchr are faster on audio (which this scans at several GB/s
// all the same), but bytes made to resemble the needle bring them down to 0.1 GB/s, and a shard
// would stand still for half a second.
bool HasCandidate(const char* p) {
  unsigned char found = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    found |= static_cast<unsigned char>((p[i] == '\n') & (p[i + 1] == '-') & (p[i + 2] == '-'));
  }
  return found != 0;
}

}  // namespace

bool IsFormBoundary(std::string_view boundary) {
  return !boundary.empty() && boundary.size() <= kMaxBoundaryBytes && boundary.back() != ' ' &&
         std::all_of(boundary.begin(), boundary.end(), IsBoundaryCharacter);
}

FormDelimiters::FormDelimiters(std::string_view body, std::string_view boundary)
    : body_(body), needle_size_(kPrefix.size() + boundary.size()) {
  std::copy(kPrefix.begin(), kPrefix.end(), needle_.begin());
  std::copy(boundary.begin(), boundary.end(), needle_.begin() + kPrefix.size());
}

bool FormDelimiters::First(FormDelimiter* out) const {
  const std::string_view without_line_feed = Needle().substr(1);
  if (!body_.starts_with(without_line_feed)) return Next(0, out);
  out->begin = 0;
  return ReadEnd(without_line_feed.size(), out);
}

bool FormDelimiters::Next(size_t begin, FormDelimiter* out) const {
  // From the line end before the data on, so that a boundary right at their beginning is seen.
  // Whatever is found decides, so that one search is enough.
  const size_t line_feed = Find(std::max<size_t>(begin, 1) - 1);
  if (line_feed == std::string_view::npos || line_feed < begin + 1) return false;
  if (body_[line_feed - 1] != '\r') return false;
  out->begin = line_feed - 1;
  return ReadEnd(line_feed + needle_size_, out);
}

bool FormDelimiters::OccursBehind(size_t position) const {
  return Find(position) != std::string_view::npos;
}

size_t FormDelimiters::Find(size_t from) const {
  size_t at = from;
  for (; at + kBlock + 2 <= body_.size(); at += kBlock) {
    if (!HasCandidate(body_.data() + at)) continue;
    const size_t found = FindIn(at, at + kBlock);
    if (found != std::string_view::npos) return found;
  }
  return FindIn(at, body_.size());
}

size_t FormDelimiters::FindIn(size_t begin, size_t end) const {
  for (size_t at = begin; at < end; ++at) {
    if (body_[at] == '\n' && body_.substr(at).starts_with(Needle())) return at;
  }
  return std::string_view::npos;
}

// `position`: right behind the boundary.
bool FormDelimiters::ReadEnd(size_t position, FormDelimiter* out) const {
  const std::string_view rest = body_.substr(position);
  out->end = position + 2;
  out->closes = rest.starts_with("--");
  if (!out->closes) return rest.starts_with("\r\n");
  return rest.size() == 2 || std::string_view("\r\n \t").find(rest[2]) != std::string_view::npos;
}

}  // namespace vllm_router::openai
