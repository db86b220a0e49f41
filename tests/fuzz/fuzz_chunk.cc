// The chunk decoder against a slow reference that reads the whole body recursively from its text,
// and against itself with the same bytes cut differently. The input's first byte chooses the cuts.
#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/chunk_decoder.h"
#include "tests/fuzz/fuzz_check.h"

namespace vllm_router::http {
namespace {

using Event = ChunkDecoder::Event;

struct Outcome {
  Event event = Event::kNeedMore;
  std::string payload;
  size_t consumed = 0;
  bool operator==(const Outcome&) const = default;
};

// ---- The reference. Each rule takes bytes from the front; what stops it is thrown to the top.

class Reference {
 public:
  explicit Reference(std::string input) : input_(std::move(input)) {}

  Outcome Run() {
    try {
      while (Chunk()) {
      }
      while (TrailerLine()) {
      }
      out_.event = Event::kDone;
    } catch (Event stop) {
      out_.event = stop;
    }
    out_.consumed = at_;
    return out_;
  }

 private:
  static constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  static constexpr std::string_view kToken =
      "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

  char Peek() const {
    if (at_ == input_.size()) throw Event::kNeedMore;
    return input_[at_];
  }
  bool PeekIsIn(std::string_view set) const { return set.find(Peek()) != std::string_view::npos; }
  bool PeekIsText() const {
    const unsigned char c = static_cast<unsigned char>(Peek());
    return c == '\t' || (c >= 0x20 && c != 0x7F);
  }
  void Take(char wanted) {
    if (Peek() != wanted) throw Event::kBad;
    ++at_;
  }
  // Takes a byte that counts against a bound.
  void TakeCounted(size_t* count, size_t bound) {
    if (++*count > bound) throw Event::kTooLarge;
    ++at_;
  }

  // False at the last chunk.
  bool Chunk() {
    unsigned __int128 chunk_size = 0;
    for (int digits = 0; PeekIsIn(kHex) || digits == 0; ++digits) {
      if (!PeekIsIn(kHex) || digits == 16) throw Event::kBad;
      chunk_size = chunk_size * 16 + kHexValue(Peek());
      if (chunk_size >> 63 != 0) throw Event::kBad;
      ++at_;
    }
    Extension();
    Take('\r');
    Take('\n');
    if (chunk_size == 0) return false;
    for (; chunk_size > 0; --chunk_size, ++at_) out_.payload += Peek();
    Take('\r');
    Take('\n');
    return true;
  }

  static unsigned kHexValue(char c) {
    const size_t at = kHex.find(c);
    return static_cast<unsigned>(at < 16 ? at : at - 6);
  }

  void Extension() {
    constexpr size_t kBound = ChunkDecoder::kMaxExtensionBytes;
    if (Peek() == '\r') return;
    while (PeekIsIn(" \t")) TakeCounted(&extension_bytes_, kBound);
    if (Peek() != ';') throw Event::kBad;
    while (PeekIsText()) TakeCounted(&extension_bytes_, kBound);
    if (Peek() != '\r') throw Event::kBad;
  }

  // False at the empty line, which is taken.
  bool TrailerLine() {
    constexpr size_t kBound = ChunkDecoder::kMaxTrailerBytes;
    if (Peek() == '\r') {
      Take('\r');
      Take('\n');
      return false;
    }
    if (!PeekIsIn(kToken)) throw Event::kBad;
    while (PeekIsIn(kToken)) TakeCounted(&trailer_bytes_, kBound);
    if (Peek() != ':') throw Event::kBad;
    while (PeekIsText()) TakeCounted(&trailer_bytes_, kBound);
    for (char wanted : {'\r', '\n'}) {
      if (Peek() != wanted) throw Event::kBad;
      TakeCounted(&trailer_bytes_, kBound);
    }
    return true;
  }

  const std::string input_;
  size_t at_ = 0;
  size_t extension_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  Outcome out_;
};

// ---- The decoder, fed in pieces of `step` bytes.

Outcome Decode(std::string_view input, size_t step) {
  ChunkDecoder decoder;
  Outcome out;
  do {
    // A copy, so that a look behind the piece is an error to the sanitizers.
    const std::string piece(input.substr(0, step));
    input.remove_prefix(piece.size());
    std::string_view rest = piece;
    for (;;) {
      const uint64_t missing = decoder.chunk_remaining();
      const ChunkDecoder::Step taken = decoder.Next(rest);
      FUZZ_CHECK(taken.consumed <= rest.size());
      out.consumed += taken.consumed;
      out.event = taken.event;
      if (taken.event != Event::kData) break;
      FUZZ_CHECK(!taken.data.empty());
      FUZZ_CHECK(taken.data.data() >= rest.data());
      FUZZ_CHECK(taken.data.data() + taken.data.size() == rest.data() + taken.consumed);
      FUZZ_CHECK(missing == 0 || decoder.chunk_remaining() == missing - taken.data.size());
      out.payload += taken.data;
      rest.remove_prefix(taken.consumed);
    }
    FUZZ_CHECK(out.event != Event::kNeedMore || decoder.Next({}).event == Event::kNeedMore);
  } while (out.event == Event::kNeedMore && !input.empty());
  return out;
}

}  // namespace
}  // namespace vllm_router::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vllm_router::http;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome expected = Reference(std::string(input)).Run();
  FUZZ_CHECK(Decode(input, size) == expected);
  FUZZ_CHECK(Decode(input, 1 + data[0] % 32) == expected);
  FUZZ_CHECK(Decode(input, 1) == expected);
  return 0;
}
