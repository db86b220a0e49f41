#include "server/http/sse_scanner.h"

#include <algorithm>
#include <cstring>

namespace vllm_router::http {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

size_t Find(std::string_view bytes, char c, size_t from, size_t to) {
  const void* found = from < to ? std::memchr(bytes.data() + from, c, to - from) : nullptr;
  return found == nullptr ? to
                          : static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
}

}  // namespace

void SseScanner::Feed(std::string_view bytes) {
  if (bytes.empty()) return;
  size_t at = last_was_cr_ && bytes[0] == '\n' ? 1 : 0;
  last_was_cr_ = false;
  size_t lf = Find(bytes, '\n', at, bytes.size());
  while (at < bytes.size()) {
    // CRs are only sought up to the next LF, which is kept until it is passed: each byte is looked
    // at twice.
    const size_t end = Find(bytes, '\r', at, lf);
    const std::string_view part = bytes.substr(at, end - at);
    if (end == bytes.size()) return KeepPart(part);
    if (line_length_ == 0) {
      EndLine(part);
    } else {
      KeepPart(part);
      EndLine({line_start_, line_length_});
    }
    at = end + 1;
    if (bytes[end] == '\r') {
      last_was_cr_ = at == bytes.size();
      if (at == lf && !last_was_cr_) ++at;
    }
    if (at > lf) lf = Find(bytes, '\n', at, bytes.size());
  }
}

void SseScanner::KeepPart(std::string_view part) {
  const size_t kept = std::min(part.size(), kLineStart - line_length_);
  std::copy_n(part.data(), kept, line_start_ + line_length_);
  line_length_ = static_cast<uint8_t>(line_length_ + kept);
}

// `line` may be only the first kLineStart bytes of a longer line.
void SseScanner::EndLine(std::string_view line) {
  line_length_ = 0;
  if (first_line_ && line.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    line.remove_prefix(kByteOrderMark.size());
  }
  first_line_ = false;
  if (line.empty()) return EndBlock();
  block_open_ = true;
  const std::string_view after_name = line.substr(std::min<size_t>(4, line.size()));
  const bool is_data = line.substr(0, 4) == "data" && (after_name.empty() || after_name[0] == ':');
  if (!is_data) return;
  block_is_done_ = !block_has_data_ && (after_name == ": [DONE]" || after_name == ":[DONE]");
  block_has_data_ = true;
}

void SseScanner::EndBlock() {
  if (block_has_data_) ++data_events_;
  done_ |= block_is_done_;
  block_open_ = block_has_data_ = block_is_done_ = false;
}

std::string_view SseScanner::SeparatorBeforeEvent() const {
  if (line_length_ > 0) return "\n\n";
  if (!block_open_) return "";
  return last_was_cr_ ? "\n\n" : "\n";
}

}  // namespace vllm_router::http
