// Reads the answers of one connection: head, then the body by its framing. Bytes may be cut
// anywhere. Strict: what does not fit its framing, and bytes behind an answer, are kBad. No I/O.
// Not thread-safe.
#ifndef TOOLS_LOADGEN_RESPONSE_READER_H_
#define TOOLS_LOADGEN_RESPONSE_READER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/chunk_decoder.h"
#include "server/http/head.h"
#include "server/http/head_scanner.h"

namespace vllm_router::loadgen {

class ResponseSink {
 public:
  virtual void OnHead(const http::ResponseHead& head) = 0;
  // Body bytes without their framing; valid during the call.
  virtual void OnPayload(std::string_view bytes) = 0;

 protected:
  ~ResponseSink() = default;
};

class ResponseReader {
 public:
  enum class Result : uint8_t { kMore, kDone, kBad };

  // After kDone or kBad the reader must be Reset. Interim answers (1xx) are passed over.
  Result Feed(std::string_view bytes, ResponseSink& sink);
  // The peer has ended its side: kDone when that is how this answer ends, else kBad.
  Result EndOfInput() const;
  void Reset();

  // Some byte of the answer has come.
  bool started() const { return started_; }
  bool in_body() const { return in_body_; }
  // After kDone: the connection may serve another request.
  bool keep_alive() const { return head_.keep_alive; }

 private:
  Result FeedHead(std::string_view bytes, ResponseSink& sink);
  Result FeedBody(std::string_view bytes, ResponseSink& sink);
  Result FeedChunked(std::string_view bytes, ResponseSink& sink);

  http::HeadScanner scanner_;
  http::ChunkDecoder chunks_;
  http::ResponseHead head_;
  std::string partial_;  // a head of which only a part has come
  uint64_t remaining_ = 0;
  bool started_ = false;
  bool in_body_ = false;
};

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_RESPONSE_READER_H_
