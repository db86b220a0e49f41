// Strict decoder of the chunked transfer coding (RFC 9112 section 7.1), for requests and answers
// alike. Payload is returned as views into the input: nothing is copied. State survives input that
// is cut anywhere. Not thread-safe.
//
// Strict: the size is 1 to 16 hex digits that fit 63 bits, every line ends in CRLF, CR and LF
// appear nowhere else, no white space around the size except before ';'. Extensions are checked for
// control bytes, trailer fields also for a name that is a token and a colon; both are discarded,
// and bounded over the whole body (kMaxExtensionBytes, kMaxTrailerBytes), so that a peer cannot
// make us read for ever without payload.
#ifndef SERVER_HTTP_CHUNK_DECODER_H_
#define SERVER_HTTP_CHUNK_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vllm_router::http {

class ChunkDecoder {
 public:
  static constexpr size_t kMaxExtensionBytes = 16384;
  static constexpr size_t kMaxTrailerBytes = 8192;

  enum class Event : uint8_t {
    kNeedMore,  // all input was consumed; feed more
    kData,      // `data` is payload
    kDone,      // the last chunk and the trailers have been consumed
    kBad,       // malformed: the connection cannot be trusted any more (request: 400)
    kTooLarge,  // extensions or trailers over their bound (request: 400)
  };
  struct Step {
    Event event;
    size_t consumed;        // bytes of `input` dealt with: `data` included, an offending byte not
    std::string_view data;  // for kData: a view into `input`, never empty
  };

  // Consumes up to and including the next piece of payload. Call again with the rest until
  // kNeedMore or an end.
  Step Next(std::string_view input);

  // Payload bytes still missing of the chunk whose size line has been read; 0 between chunks.
  uint64_t chunk_remaining() const { return state_ == State::kData ? remaining_ : 0; }

  void Reset() { *this = ChunkDecoder(); }

 private:
  enum class State : uint8_t {
    kSize,
    kAfterSize,  // white space between the size and ';'
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kDone,
  };

  // Takes one byte that is not payload; kNeedMore to go on.
  Event TakeFraming(char c);
  Event TakeSizeDigit(char c);
  Event AfterSize(char c);
  Event StartPayload();
  Event TakeTrailer(char c);

  State state_ = State::kSize;
  uint8_t digits_ = 0;
  uint64_t remaining_ = 0;  // of the chunk; while its size is read, the digits so far
  size_t extension_bytes_ = 0;
  size_t trailer_bytes_ = 0;
};

}  // namespace vllm_router::http

#endif  // SERVER_HTTP_CHUNK_DECODER_H_
