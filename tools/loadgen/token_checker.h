// Watches the SSE stream of one answer: counts its events, and where the engine has stamped them
// ("seq" counts tokens from 0, "sent_ns" is CLOCK_MONOTONIC in nanoseconds when the engine wrote
// it), checks that every token comes once and in order. Bytes may be cut anywhere; the steady state
// allocates nothing. One per stream; not thread-safe.
#ifndef TOOLS_LOADGEN_TOKEN_CHECKER_H_
#define TOOLS_LOADGEN_TOKEN_CHECKER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vllm_router::loadgen {

class TokenSink {
 public:
  // One token. `sent_ns` only where the engine stamps.
  virtual void OnToken(std::optional<int64_t> sent_ns) = 0;

 protected:
  ~TokenSink() = default;
};

class TokenChecker {
 public:
  void Feed(std::string_view payload, TokenSink& sink);
  // The stream has ended by itself. With `expected` tokens (0: unknown) those that never came are
  // missing.
  void Finish(uint64_t expected);
  void Reset();

  uint64_t tokens() const { return tokens_; }
  uint64_t missing() const { return missing_; }
  // Stamped tokens that came again, or after a later one. One that comes late has been counted as
  // missing too: it was, when it was due.
  uint64_t reordered() const { return reordered_; }
  // Events whose object has an "error": what a router sends when an engine dies.
  uint64_t error_events() const { return error_events_; }
  bool done() const { return done_; }  // [DONE] has come

 private:
  // A line that ended; without its line end.
  void TakeLine(std::string_view line, TokenSink& sink);
  void TakeStamp(uint64_t seq);

  std::string part_;  // of a line of which only a part has come
  uint64_t tokens_ = 0;
  uint64_t next_seq_ = 0;
  uint64_t missing_ = 0;
  uint64_t reordered_ = 0;
  uint64_t error_events_ = 0;
  bool done_ = false;
};

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_TOKEN_CHECKER_H_
