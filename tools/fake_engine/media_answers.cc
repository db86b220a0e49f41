// Audio and images: small, valid, the same for every request of a kind except for a transcript's
// text.
#include "tools/fake_engine/answer_head.h"
#include "tools/fake_engine/plain_answers.h"

namespace vllm_router::fake_engine {
namespace {

constexpr uint32_t kTranscriptTokens = 8;
constexpr uint32_t kBytesPerSecond = 32000;  // 16 kHz, 16 bit, one channel

// A PNG of one transparent pixel.
constexpr std::string_view kPixelPng =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg"
    "==";

void AppendTranscript(const Job& job, std::string* out) {
  AppendTokens(job.Seed(0), kTranscriptTokens, out);
}

std::string_view AppendTranscription(const Job& job, std::string* out) {
  const uint64_t seconds = (job.file_bytes + kBytesPerSecond - 1) / kBytesPerSecond;
  if (job.format == "text") {
    AppendTranscript(job, out);
    Append(out, "\n");
    return kPlainText;
  }
  if (job.format == "srt" || job.format == "vtt") {
    const bool vtt = job.format == "vtt";
    Append(out, vtt ? "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n"
                    : "1\n00:00:00,000 --> 00:00:01,000\n");
    AppendTranscript(job, out);
    Append(out, "\n\n");
    return kPlainText;
  }
  if (job.format == "verbose_json") {
    Append(out, R"({"task":")", job.api == Api::kTranslation ? "translate" : "transcribe",
           R"(","language":"en","duration":)", seconds, R"(.0,"text":")");
    AppendTranscript(job, out);
    Append(out, R"(","segments":[{"id":0,"seek":0,"start":0.0,"end":)", seconds, R"(.0,"text":")");
    AppendTranscript(job, out);
    Append(out, R"(","tokens":[],"temperature":0.0,"avg_logprob":-0.1,"compression_ratio":1.0,)",
           R"("no_speech_prob":0.0}],"words":null})");
    return kJson;
  }
  Append(out, R"({"text":")");
  AppendTranscript(job, out);
  Append(out, R"(","usage":{"type":"duration","seconds":)", seconds, "}}");
  return kJson;
}

void AppendLittleEndian(std::string* out, uint32_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out->push_back(static_cast<char>((value >> (8 * i)) & 255));
}

// A tenth of a second of a deterministic buzz.
void AppendWav(const Job& job, std::string* out) {
  constexpr uint32_t kSamples = kBytesPerSecond / 20;
  Append(out, "RIFF");
  AppendLittleEndian(out, 36 + 2 * kSamples, 4);
  Append(out, "WAVEfmt ");
  AppendLittleEndian(out, 16, 4);
  AppendLittleEndian(out, 1, 2);  // PCM
  AppendLittleEndian(out, 1, 2);  // channels
  AppendLittleEndian(out, kBytesPerSecond / 2, 4);
  AppendLittleEndian(out, kBytesPerSecond, 4);
  AppendLittleEndian(out, 2, 2);
  AppendLittleEndian(out, 16, 2);
  Append(out, "data");
  AppendLittleEndian(out, 2 * kSamples, 4);
  const uint64_t seed = job.Seed(0);
  for (uint32_t i = 0; i < kSamples; ++i)
    AppendLittleEndian(out, static_cast<uint32_t>(Mix(seed, i) % 4096), 2);
}

// Only wav is what it says; the other formats carry the same bytes.
std::string_view AppendSpeech(const Job& job, std::string* out) {
  AppendWav(job, out);
  if (job.format == "mp3") return "audio/mpeg";
  if (job.format == "opus") return "audio/ogg";
  if (job.format == "aac") return "audio/aac";
  if (job.format == "flac") return "audio/flac";
  if (job.format == "pcm") return "audio/pcm";
  return "audio/wav";
}

}  // namespace

std::string_view plain_internal::AppendMedia(const Job& job, std::string* out) {
  if (job.api == Api::kSpeech) return AppendSpeech(job, out);
  if (job.api != Api::kImages) return AppendTranscription(job, out);
  Append(out, R"({"created":)", job.created, R"(,"data":[)");
  for (uint32_t i = 0; i < job.choices; ++i) {
    Append(out, i == 0 ? "" : ",", R"({"b64_json":")", kPixelPng,
           R"(","url":null,"revised_prompt":null})");
  }
  Append(out, "]}");
  return kJson;
}

}  // namespace vllm_router::fake_engine
