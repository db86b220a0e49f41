// Reads a JSON request body in the pieces in which it arrives and keeps only facts: the values of a
// few keys of the outermost object, and the hash of the prompt values. Long strings are skipped
// with memchr, so a megabyte costs tens of microseconds, and nothing of it is buffered.
//
// It is a scanner, no validator: it knows strings, nesting and the end, and that is what
// `well_formed` vouches for. One per connection, reused; not thread-safe.
#ifndef TOOLS_FAKE_ENGINE_JSON_SCAN_H_
#define TOOLS_FAKE_ENGINE_JSON_SCAN_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/fake_engine/body_facts.h"

namespace vllm_router::fake_engine {

class JsonScan {
 public:
  // `facts` must outlive the scan and have been Reset.
  void Begin(BodyFacts* facts);
  void Feed(std::string_view piece);
  // The body is complete: settles facts->well_formed and the derived facts.
  void Finish();
  // The middle of the body has been left out: `tail` is its last bytes, in which the scan takes up
  // again where it finds a key of the outermost object. Settles the facts as Finish does, trusting
  // the part that was not seen.
  void FinishWithTail(std::string_view tail);

 private:
  enum class Key : uint8_t {
    kNone,
    kModel,
    kStream,
    kStreamOptions,
    kMaxTokens,
    kN,
    kTopN,
    kDimensions,
    kIgnoreEos,
    kEncodingFormat,
    kResponseFormat,
    kTools,
    kToolChoice,
    // From here on: prompt values, hashed and not captured.
    kMessages,
    kInput,
    kDocuments,
    kTokens,
    kOtherPrompt,
  };
  struct KnownKey;
  static constexpr size_t kMaxCapture = 4096;
  static const KnownKey kKnownKeys[];

  static Key Look(std::string_view name);
  const char* SkipString(const char* p, const char* end);
  void KeepString(const char* begin, const char* end);
  void EndString(const char* end);
  void Structural(char c, const char* at);
  void Other(char c, const char* at);
  void BeginValue();
  void EndValue(const char* end);
  void TakeSpan(const char* end);
  void Settle(std::string_view value);
  ListFacts* List();

  BodyFacts* facts_ = nullptr;
  uint32_t depth_ = 0;
  bool in_string_ = false;
  bool odd_backslashes_ = false;  // the piece before ended in an unfinished escape
  bool done_ = false;             // the outermost object has ended
  bool broken_ = false;

  char string_[40] = {};  // start of the last string at depth 1 to 3: a key or a role
  size_t string_length_ = 0;

  Key key_{};  // whose value is passing by; none outside of values
  bool value_begun_ = false;
  const char* span_ = nullptr;  // start of what TakeSpan has not seen, in the current piece
  bool role_next_ = false;      // the next string is a message's role
  std::string capture_;         // a short value, or the start of a long one
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_JSON_SCAN_H_
