#include "server/http/start_line_check.h"

namespace vllm_router::http {

bool StartLineMayBeHttp(std::string_view begin) {
  const size_t start = begin.find_first_not_of("\r\n");
  if (start == std::string_view::npos) return true;
  begin.remove_prefix(start);
  const size_t end = begin.find('\r');
  const std::string_view line = begin.substr(0, end);
  for (const char c : line) {
    if (static_cast<unsigned char>(c) <= 0x1F || static_cast<unsigned char>(c) >= 0x7F)
      return false;
  }
  return end == std::string_view::npos || line.find(" HTTP/") != std::string_view::npos;
}

}  // namespace vllm_router::http
