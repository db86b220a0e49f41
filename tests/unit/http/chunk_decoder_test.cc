#include "server/http/chunk_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace vllm_router::http {
namespace {

using Event = ChunkDecoder::Event;
using namespace std::string_literals;

struct Outcome {
  Event event;
  std::string payload;
  size_t consumed;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
  return out << "event " << static_cast<int>(o.event) << " after " << o.consumed << " bytes: \""
             << o.payload << '"';
}

// Feeds one piece; kNeedMore if the decoder took all of it.
Event FeedPiece(ChunkDecoder* decoder, std::string_view piece, Outcome* out) {
  for (;;) {
    const ChunkDecoder::Step step = decoder->Next(piece);
    out->consumed += step.consumed;
    if (step.event != Event::kData) {
      EXPECT_TRUE(step.data.empty());
      if (step.event == Event::kNeedMore) {
        EXPECT_EQ(step.consumed, piece.size());
      }
      return step.event;
    }
    EXPECT_FALSE(step.data.empty());
    EXPECT_EQ(step.data.data() + step.data.size(), piece.data() + step.consumed) << "not a view";
    out->payload += step.data;
    piece.remove_prefix(step.consumed);
  }
}

Outcome DecodePieces(const std::vector<std::string>& pieces) {
  ChunkDecoder decoder;
  Outcome out{Event::kNeedMore, "", 0};
  for (const std::string& piece : pieces) {
    out.event = FeedPiece(&decoder, piece, &out);
    if (out.event != Event::kNeedMore) break;
  }
  return out;
}

Outcome Decode(const std::string& body) { return DecodePieces({body}); }

TEST(ChunkDecoder, JoinsThePayloadAndStopsBehindTheBody) {
  const std::string body = "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n";
  EXPECT_EQ(Decode(body + "GET / HTTP/1.1\r\n"),
            (Outcome{Event::kDone, "hello, world", body.size()}));
}

TEST(ChunkDecoder, StaysDoneAndTakesNothingMore) {
  ChunkDecoder decoder;
  ASSERT_EQ(decoder.Next("0\r\n\r\n").event, Event::kDone);
  const ChunkDecoder::Step step = decoder.Next("5\r\nhello\r\n");
  EXPECT_EQ(step.event, Event::kDone);
  EXPECT_EQ(step.consumed, 0u);
}

TEST(ChunkDecoder, StartsAnewAfterReset) {
  ChunkDecoder decoder;
  ASSERT_EQ(decoder.Next("0\r\n\r\n").event, Event::kDone);
  decoder.Reset();
  EXPECT_EQ(decoder.Next("1\r\nx").data, "x");
}

TEST(ChunkDecoder, ReadsPayloadAsOpaqueBytes) {
  EXPECT_EQ(Decode("6\r\n\r\n0\r\n\0\r\n0\r\n\r\n"s).payload, "\r\n0\r\n\0"s);
}

TEST(ChunkDecoder, ReadsHexDigitsInBothCases) {
  EXPECT_EQ(Decode("a\r\n0123456789\r\n0\r\n\r\n").event, Event::kDone);
  EXPECT_EQ(Decode("A\r\n0123456789\r\n0\r\n\r\n").event, Event::kDone);
  EXPECT_EQ(Decode("1F\r\n" + std::string(31, 'x') + "\r\n0\r\n\r\n").event, Event::kDone);
}

TEST(ChunkDecoder, AcceptsLeadingZerosUpToSixteenDigits) {
  EXPECT_EQ(Decode("0000000000000001\r\nx\r\n0\r\n\r\n").event, Event::kDone);
  EXPECT_EQ(Decode("00000000000000001\r\nx\r\n0\r\n\r\n").event, Event::kBad);
  EXPECT_EQ(Decode(std::string(1000, '0') + "1\r\nx\r\n0\r\n\r\n").event, Event::kBad);
  EXPECT_EQ(Decode("0000000000000000\r\n\r\n").event, Event::kDone);
}

TEST(ChunkDecoder, RefusesASizeOver63Bits) {
  ChunkDecoder decoder;
  const ChunkDecoder::Step step = decoder.Next("7fffffffffffffff\r\nx");
  EXPECT_EQ(step.event, Event::kData);
  EXPECT_EQ(decoder.chunk_remaining(), 0x7ffffffffffffffeu);
  EXPECT_EQ(Decode("8000000000000000\r\n").event, Event::kBad);
  EXPECT_EQ(Decode("ffffffffffffffff\r\n").event, Event::kBad);
  EXPECT_EQ(Decode("10000000000000005\r\nhello\r\n0\r\n\r\n").event, Event::kBad);
}

TEST(ChunkDecoder, TellsWhatIsMissingOfTheChunk) {
  ChunkDecoder decoder;
  EXPECT_EQ(decoder.chunk_remaining(), 0u);
  EXPECT_EQ(decoder.Next("5").event, Event::kNeedMore);
  EXPECT_EQ(decoder.chunk_remaining(), 0u) << "the size line is not complete";
  EXPECT_EQ(decoder.Next("\r\n").event, Event::kNeedMore);
  EXPECT_EQ(decoder.chunk_remaining(), 5u);
  EXPECT_EQ(decoder.Next("hel").data, "hel");
  EXPECT_EQ(decoder.chunk_remaining(), 2u);
  EXPECT_EQ(decoder.Next("lo").data, "lo");
  EXPECT_EQ(decoder.chunk_remaining(), 0u);
}

TEST(ChunkDecoder, RefusesMalformedSizesAndLineEnds) {
  const std::string kBodies[] = {
      "-5\r\nhello\r\n0\r\n\r\n",    // sign
      "+5\r\nhello\r\n0\r\n\r\n",    //
      "0x5\r\nhello\r\n0\r\n\r\n",   // prefix
      "0_5\r\nhello\r\n0\r\n\r\n",   // digit separator
      "5,5\r\nhello\r\n0\r\n\r\n",   // list
      "5z\r\nhello\r\n0\r\n\r\n",    // trailing letter
      "g\r\nhello\r\n0\r\n\r\n",     // no digit
      "\r\nhello\r\n0\r\n\r\n",      // empty
      ";a=b\r\nhello\r\n0\r\n\r\n",  // extension without a size
      " 5\r\nhello\r\n0\r\n\r\n",    // white space in front
      "\t5\r\nhello\r\n0\r\n\r\n",   //
      "5 \r\nhello\r\n0\r\n\r\n",    // ... behind, with nothing following
      "5 5\r\nhello\r\n0\r\n\r\n",   // ... inside
      "5\nhello\r\n0\r\n\r\n",       // bare LF
      "5\rhello\r\n0\r\n\r\n",       // bare CR
      "5\r\rhello\r\n0\r\n\r\n",     //
      "5\r\nhello\n0\r\n\r\n",       // bare LF behind the payload
      "5\r\nhello\r0\r\n\r\n",       // bare CR behind the payload
      "5\r\nhello0\r\n\r\n",         // no line end behind the payload
      "5\r\nhello!\r\n0\r\n\r\n",    // payload longer than its size
      "0\r\n\n",                     // bare LF at the very end
      "0\r\n\r\r",                   //
      "0\n\r\n",                     //
      "\0"
      "5\r\nhello\r\n"s,  // NUL
  };
  for (const std::string& body : kBodies) {
    EXPECT_EQ(Decode(body).event, Event::kBad) << testing::PrintToString(body);
  }
}

TEST(ChunkDecoder, DoesNotConsumeTheOffendingByte) {
  EXPECT_EQ(Decode("5\r\nhelloX"), (Outcome{Event::kBad, "hello", 8}));
}

TEST(ChunkDecoder, DiscardsExtensions) {
  EXPECT_EQ(Decode("5;a\r\nhello\r\n0;b=\"c;d\"\r\n\r\n").payload, "hello");
  EXPECT_EQ(Decode("5 \t;a=b\r\nhello\r\n0\r\n\r\n").event, Event::kDone);
  EXPECT_EQ(Decode("5;a=\x80\xff\t\r\nhello\r\n0\r\n\r\n").event, Event::kDone);
}

TEST(ChunkDecoder, RefusesControlBytesInExtensions) {
  const std::string kExtensions[] = {"a\nb", "a\rb", "\0"s, "\x01", "\x7F", "a\n"};
  for (const std::string& extension : kExtensions) {
    EXPECT_EQ(Decode("5;" + extension + "\r\nhello\r\n0\r\n\r\n").event, Event::kBad)
        << testing::PrintToString(extension);
  }
}

TEST(ChunkDecoder, BoundsExtensionsOverTheWholeBody) {
  // Each chunk carries 1 KiB of extension, its ';' included.
  const std::string chunk = "1;" + std::string(1023, 'a') + "\r\nx\r\n";
  std::string body;
  for (size_t i = 0; i < ChunkDecoder::kMaxExtensionBytes / 1024; ++i) body += chunk;
  EXPECT_EQ(Decode(body + "0\r\n\r\n").event, Event::kDone);
  EXPECT_EQ(Decode(body + "0;\r\n\r\n").event, Event::kTooLarge);
  EXPECT_EQ(Decode("1 " + std::string(ChunkDecoder::kMaxExtensionBytes, ' ')).event,
            Event::kTooLarge)
      << "white space counts as well";
}

TEST(ChunkDecoder, DiscardsTrailers) {
  const std::string body = "1\r\nx\r\n0\r\nX-A: b\r\nTransfer-Encoding:\r\nX-B: \x80\tc\r\n\r\n";
  EXPECT_EQ(Decode(body + "next"), (Outcome{Event::kDone, "x", body.size()}));
}

TEST(ChunkDecoder, RefusesMalformedTrailers) {
  const std::string kTrailers[] = {
      "X-A\r\n",       " X-A: b\r\n",   "X-A: b\r\n folded\r\n", "X A: b\r\n",
      ": b\r\n",       "X-A : b\r\n",   "X\x80: b\r\n",          "X-A: b\nX-B: c\r\n",
      "X-A: b\rc\r\n", "X-A: \x01\r\n", "X-A: \0\r\n"s,          "GET / HTTP/1.1\r\n",
  };
  for (const std::string& trailer : kTrailers) {
    EXPECT_EQ(Decode("0\r\n" + trailer + "\r\n").event, Event::kBad)
        << testing::PrintToString(trailer);
  }
}

TEST(ChunkDecoder, BoundsTrailers) {
  const std::string line = "X: " + std::string(123, 't') + "\r\n";  // 128 bytes
  std::string trailers;
  for (size_t i = 0; i < ChunkDecoder::kMaxTrailerBytes / line.size(); ++i) trailers += line;
  EXPECT_EQ(Decode("0\r\n" + trailers + "\r\n").event, Event::kDone);
  EXPECT_EQ(Decode("0\r\n" + trailers + "Y: z\r\n\r\n").event, Event::kTooLarge);
  EXPECT_EQ(Decode("0\r\n" + std::string(100000, 'a')).event, Event::kTooLarge);
}

void ExpectCutsGiveTheSameResult(const std::string& body) {
  const Outcome whole = Decode(body);
  std::vector<std::string> bytes;
  for (size_t first = 0; first < body.size(); ++first) {
    bytes.push_back(body.substr(first, 1));
    for (size_t second = first; second <= body.size(); ++second) {
      const std::vector<std::string> pieces{
          body.substr(0, first), body.substr(first, second - first), body.substr(second)};
      ASSERT_EQ(DecodePieces(pieces), whole) << first << ", " << second;
    }
  }
  EXPECT_EQ(DecodePieces(bytes), whole);
}

TEST(ChunkDecoder, GivesTheSameResultHoweverItsInputIsCut) {
  const std::string kInputs[] = {
      "5\r\nhello\r\n00a;x=y\r\n0123456789\r\n0\r\nA: b\r\nC:d\r\n\r\nrest",
      "5\r\nhello\r\n5 ;x\r\nhel",
      "5\r\nhello\r\n5 x\r\nhel",
      "3\r\nabcd",
      "0\r\nA: b\r\n c\r\n\r\n",
      "10000000000000000\r\n",
      "8000000000000000\r\n",
      "0\r\n\rX",
      "1\r\n\r\r\n0\r\n\r\n\r\n",
  };
  for (const std::string& input : kInputs) {
    SCOPED_TRACE(testing::PrintToString(input));
    ExpectCutsGiveTheSameResult(input);
  }
}

}  // namespace
}  // namespace vllm_router::http
