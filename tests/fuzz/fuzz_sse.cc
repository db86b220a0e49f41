// Whether an event that is put in behind the separator which the stream's tail names stands alone,
// as a reference sees it that splits the whole text into lines; and whether the tail is the same
// however the bytes are cut. The input's first byte chooses the cuts.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/sse_tail.h"
#include "tests/fuzz/fuzz_check.h"

namespace vllm_router::http {
namespace {

struct Counts {
  uint64_t data_events = 0;
  bool done = false;
};

// Follows the parsing rules of the standard: the data buffer is built and looked at, as a client
// does.
Counts Reference(std::string text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  std::string normal;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      normal += '\n';
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else {
      normal += text[i];
    }
  }
  Counts counts;
  std::string buffer;
  size_t begin = 0;
  for (size_t end; (end = normal.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string line = normal.substr(begin, end - begin);
    if (line.empty()) {
      if (!buffer.empty()) ++counts.data_events;
      if (buffer == "[DONE]\n") counts.done = true;
      buffer.clear();
      continue;
    }
    const size_t colon = line.find(':');
    if (line.substr(0, colon) != "data") continue;
    std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    buffer += value + '\n';
  }
  return counts;
}

SseTail FeedInSteps(std::string_view text, size_t step) {
  SseTail tail;
  for (size_t at = 0; at < text.size(); at += step) {
    const std::vector<char> piece(
        text.begin() + static_cast<ptrdiff_t>(at),
        text.begin() + static_cast<ptrdiff_t>(std::min(at + step, text.size())));
    tail.Feed({piece.data(), piece.size()});
  }
  return tail;
}

}  // namespace
}  // namespace vllm_router::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vllm_router::http;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const SseTail whole = FeedInSteps(text, size);
  const SseTail in_steps = FeedInSteps(text, 1 + data[0] % 32);
  FUZZ_CHECK(in_steps.SeparatorBeforeEvent() == whole.SeparatorBeforeEvent());

  // An event of ours is one event more than the unfinished block, and not merged with it.
  const std::string separator(whole.SeparatorBeforeEvent());
  const Counts before = Reference(text + separator);
  const Counts after = Reference(text + separator + "data: [DONE]\n\n");
  FUZZ_CHECK(after.data_events == before.data_events + 1 && after.done);
  return 0;
}
