#include "server/http/sse_tail.h"

#include <algorithm>

namespace vllm_router::http {
namespace {

bool IsLineEnd(char c) { return c == '\r' || c == '\n'; }

}  // namespace

void SseTail::Feed(std::string_view bytes) {
  bytes.remove_prefix(bytes.size() - std::min(bytes.size(), last_.size()));
  const size_t kept = std::min(size_, last_.size() - bytes.size());
  std::copy_n(last_.begin() + (size_ - kept), kept, last_.begin());
  std::copy_n(bytes.data(), bytes.size(), last_.begin() + kept);
  size_ = kept + bytes.size();
}

std::string_view SseTail::SeparatorBeforeEvent() const {
  std::string_view text(last_.data(), size_);
  if (text.empty()) return "";
  if (!IsLineEnd(text.back())) return "\n\n";
  const bool ends_in_cr = text.back() == '\r';
  const bool crlf = text.size() > 1 && text.substr(text.size() - 2) == "\r\n";
  text.remove_suffix(crlf ? 2 : 1);
  const bool line_is_empty = text.empty() || IsLineEnd(text.back());
  if (line_is_empty) return "";
  return ends_in_cr ? "\n\n" : "\n";
}

}  // namespace vllm_router::http
