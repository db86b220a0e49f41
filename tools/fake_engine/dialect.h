// How an API that generates tokens spells its answers: one whole JSON body, or events before, for
// and after the tokens of a stream. A dialect is a set of functions without state (Chat,
// Completion, Responses, Messages).
#ifndef TOOLS_FAKE_ENGINE_DIALECT_H_
#define TOOLS_FAKE_ENGINE_DIALECT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/fake_engine/job.h"

namespace vllm_router::fake_engine {

// Appends Server-Sent Events to a string, each as one chunk of the chunked coding (unless told
// otherwise), as uvicorn sends what vLLM yields.
class EventSink {
 public:
  EventSink(std::string* out, std::string* scratch, bool chunked)
      : out_(out), scratch_(scratch), chunked_(chunked) {}

  // `data: <json>`; with a name also `event: <name>` before it.
  void Event(std::string_view json, std::string_view name = {});
  // Where a dialect renders an event's JSON; cleared by each call.
  std::string* Scratch();

 private:
  std::string* out_;
  std::string* scratch_;
  bool chunked_;
};

// One token's event, rendered once per stream; per token only the changing places are overwritten,
// which all have a fixed width. Build with Begin, any of the Place calls between pieces of JSON,
// End.
class TokenTemplate {
 public:
  // A dialect writes the event's JSON to json() between Begin and End.
  void Begin(std::string_view event_name);
  std::string* json() { return &bytes_; }
  void PlaceText();
  void PlaceChoice(uint32_t choices);  // as many digits as the last choice needs
  void PlaceSequence(uint64_t first);  // a counter of events: `first` for the first token
  void End(bool stamp, bool chunked);

  // The chunk of token `index`. `now_ns` is the send time if the stream is stamped.
  std::string_view Fill(uint64_t seed, uint32_t index, uint32_t choice, uint64_t now_ns);
  // The chunk last filled, with `padding` bytes of 'x' in place of its text.
  void AppendPadded(uint64_t padding, std::string* out) const;

 private:
  static constexpr size_t kNone = 0;  // no place lies at the start
  static constexpr size_t kSequenceWidth = 6;
  static constexpr size_t kStampWidth = 16;  // 115 days of nanoseconds

  void Shift(size_t by);

  std::string bytes_;
  bool chunked_ = false;
  size_t event_begin_ = 0;
  size_t event_end_ = 0;
  size_t text_at_ = kNone;
  size_t choice_at_ = kNone;
  size_t choice_width_ = 0;
  size_t sequence_at_ = kNone;
  uint64_t sequence_first_ = 0;
  size_t seq_at_ = kNone;
  size_t sent_at_ = kNone;
};

struct Dialect {
  void (*whole)(const Job&, std::string* out);
  void (*prologue)(const Job&, EventSink* out);
  void (*token)(const Job&, TokenTemplate* out);
  void (*epilogue)(const Job&, EventSink* out);
};

extern const Dialect kChatDialect;
extern const Dialect kCompletionDialect;
extern const Dialect kResponsesDialect;
extern const Dialect kMessagesDialect;

// For endpoints that generate.
const Dialect& DialectOf(Api api);

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_DIALECT_H_
