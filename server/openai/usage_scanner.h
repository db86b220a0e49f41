// Finds the `usage` object of an answer as its bytes pass, in the shapes of all dialects, and reads
// the numbers of tokens from it:
//
//   chat, completions, embeddings   "usage":{"prompt_tokens":9,"completion_tokens":12,..}
//   responses, messages             "usage":{"input_tokens":9,"output_tokens":12,..}
//
// Where an answer has several (an event each at the begin and the end of a stream of messages), the
// last number of each kind counts. Objects inside of it (details) are passed over. In the text of a
// model the member cannot be found, because quotes are escaped there.
//
// One per answer; bytes may be cut anywhere; no allocation, a memory search for the object. Not
// thread-safe.
#ifndef SERVER_OPENAI_USAGE_SCANNER_H_
#define SERVER_OPENAI_USAGE_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vllm_router::openai {

class UsageScanner {
 public:
  // What passes: the events of a stream, or one document. A document has one `usage`, behind all
  // that is long, so that each piece is searched from its end, and none that follows its numbers.
  enum class Of : uint8_t { kEvents, kDocument };

  explicit UsageScanner(Of what = Of::kEvents) : document_(what == Of::kDocument) {}

  void Feed(std::string_view bytes);

  // nullopt: the answer has not said.
  std::optional<uint64_t> input_tokens() const { return input_; }
  std::optional<uint64_t> output_tokens() const { return output_; }

 private:
  enum class State : uint8_t {
    kSearch,
    kColon,
    kValue,
    kObject,
    kNumber,
    kString,
    kKey,
    kEscape,
    kDone
  };

  // These take at least one of the bytes before `end`, and return where they have stopped.
  const char* Search(const char* at, const char* end);
  const char* Step(const char* at, const char* end);
  // "name":123, as nearly all of an object is; nullptr: what comes is not that, or not all there.
  const char* WholeMember(const char* at, const char* end);
  const char* ReadNumber(const char* at, const char* end);
  const char* ReadString(const char* at, const char* end);
  void KeepOfKey(const char* begin, const char* end);
  void EnterObject();
  void OnObject(char c);
  void SetNumber(std::string_view key, uint64_t number);

  static constexpr size_t kMaxKey = 24;

  bool document_ = false;
  State state_ = State::kSearch;
  State string_ = State::kString;  // what an escape in a string goes back to
  uint8_t matched_ = 0;            // bytes of the member's name that the last piece ended with
  uint8_t depth_ = 0;              // of objects and lists inside of `usage`
  uint8_t key_size_ = 0;
  char key_[kMaxKey] = {};
  uint64_t number_ = 0;
  std::optional<uint64_t> input_;
  std::optional<uint64_t> output_;
};

}  // namespace vllm_router::openai

#endif  // SERVER_OPENAI_USAGE_SCANNER_H_
