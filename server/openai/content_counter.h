// Counts the events of a stream that carry generated content, as they pass: text, reasoning or the
// arguments of a tool call, in the four dialects that engines stream in (chat completions,
// completions, responses, messages). Events that only name the role, report the end or the usage,
// and `[DONE]`, carry none.
//
// It looks for a JSON member with one of a few names whose value is a string that is not empty. In
// the text of a model these names cannot be found, because quotes are escaped there. Where events
// have names, only those that end in "delta" count: the others repeat what has been streamed. All
// events of a stream look alike up to the content, so the place where it was found the last time is
// tried first.
//
// One per stream; bytes may be cut anywhere; no allocation. Not thread-safe.
#ifndef SERVER_OPENAI_CONTENT_COUNTER_H_
#define SERVER_OPENAI_CONTENT_COUNTER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/openai/usage_scanner.h"

namespace vllm_router::openai {

class ContentCounter {
 public:
  // Looks at the next payload bytes of the stream. Returns how many events with content they
  // brought; an event counts when its content is seen. What may hold the `usage` of the answer goes
  // to `usage`: of the events with content only those that end like one that has it.
  uint64_t Feed(std::string_view bytes, UsageScanner* usage);

 private:
  // Longer than a member's name and all that may stand around it.
  static constexpr size_t kTail = 40;
  // Enough of a line to know its field.
  static constexpr size_t kStart = 6;

  // Both return whether the event begins to count with it.
  bool WholeLine(std::string_view line, UsageScanner* usage);
  bool PartOfLine(std::string_view part);
  void EndCutLine();
  void EndEvent() { counted_ = repeats_ = false; }
  bool Counts(std::string_view data);

  size_t hint_ = 0;       // where in a line the member was found the last time
  bool counted_ = false;  // the current event has been counted
  bool repeats_ = false;  // its name says that it has no content of its own
  // A line that is cut: how it begins, and the last bytes of it so far.
  bool in_line_ = false;
  uint8_t start_size_ = 0;
  uint8_t tail_size_ = 0;
  char start_[kStart] = {};
  char tail_[kTail] = {};
};

}  // namespace vllm_router::openai

#endif  // SERVER_OPENAI_CONTENT_COUNTER_H_
