#include "server/health/probe_request.h"

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::health {
namespace {

constexpr std::string_view kJson = "application/json";

struct Content {
  std::string_view path;
  std::string type;
  std::string body;
};

struct JsonProbe {
  std::string_view model_type;
  std::string_view path;
  std::string_view members;  // beside "model"
};

constexpr std::string_view kChatMembers =
    R"("messages":[{"role":"user","content":"Hello"}],"max_tokens":3,"temperature":0)";

constexpr JsonProbe kJsonProbes[] = {
    {"chat", "/v1/chat/completions", kChatMembers},
    {"vision", "/v1/chat/completions", kChatMembers},
    {"messages", "/v1/messages", kChatMembers},
    {"completion", "/v1/completions", R"("prompt":"Hello","max_tokens":3,"temperature":0)"},
    {"embeddings", "/v1/embeddings", R"("input":"Hello")"},
    {"rerank", "/v1/rerank", R"("query":"Hello","documents":["Hello"])"},
    {"score", "/v1/score", R"("text_1":"Hello","text_2":"Hello")"},
};

constexpr std::string_view kBoundary = "vllm-router-health-check-9b1c5f";

void AppendLittleEndian(uint32_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

// A tenth of a second of 16 kHz mono 16-bit PCM, as a canonical RIFF/WAVE file.
std::string SilentWav() {
  constexpr uint32_t kRate = 16000;
  constexpr uint32_t kBytesPerSample = 2;
  constexpr uint32_t kDataBytes = kRate / 10 * kBytesPerSample;
  std::string wav = "RIFF";
  AppendLittleEndian(36 + kDataBytes, 4, &wav);
  wav += "WAVEfmt ";
  AppendLittleEndian(16, 4, &wav);  // size of the format chunk
  AppendLittleEndian(1, 2, &wav);   // PCM
  AppendLittleEndian(1, 2, &wav);   // channels
  AppendLittleEndian(kRate, 4, &wav);
  AppendLittleEndian(kRate * kBytesPerSample, 4, &wav);
  AppendLittleEndian(kBytesPerSample, 2, &wav);
  AppendLittleEndian(8 * kBytesPerSample, 2, &wav);
  wav += "data";
  AppendLittleEndian(kDataBytes, 4, &wav);
  wav.append(kDataBytes, '\0');
  return wav;
}

std::string FormField(std::string_view name, std::string_view value) {
  return absl::StrFormat("--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
                         kBoundary, name, value);
}

Content TranscriptionContent(std::string_view model) {
  std::string body = FormField("model", model) + FormField("response_format", "json") +
                     FormField("temperature", "0");
  absl::StrAppendFormat(&body,
                        "--%s\r\nContent-Disposition: form-data; name=\"file\"; "
                        "filename=\"silence.wav\"\r\nContent-Type: audio/wav\r\n\r\n",
                        kBoundary);
  body += SilentWav();
  absl::StrAppendFormat(&body, "\r\n--%s--\r\n", kBoundary);
  return {.path = "/v1/audio/transcriptions",
          .type = absl::StrFormat("multipart/form-data; boundary=%s", kBoundary),
          .body = std::move(body)};
}

absl::StatusOr<Content> ContentFor(const Target& target) {
  if (target.model_type == "transcription") return TranscriptionContent(target.model);
  for (const JsonProbe& probe : kJsonProbes) {
    if (probe.model_type != target.model_type) continue;
    return Content{.path = probe.path,
                   .type = std::string(kJson),
                   .body = absl::StrFormat("{\"model\":\"%s\",%s}", base::JsonEscape(target.model),
                                           probe.members)};
  }
  return absl::InvalidArgumentError(absl::StrFormat("no health check exists for model type '%s'",
                                                    base::Printable(target.model_type)));
}

struct Head {
  std::string_view method;
  std::string_view path;
  std::string_view agent = "vllm-router-health-check";
  std::string_view accept = kJson;
};

// Without the empty line at its end.
std::string Render(const Head& head, const fleet::BackendUrl& url, std::string_view api_key) {
  std::string text = absl::StrFormat(
      "%s %s%s HTTP/1.1\r\n"
      "Host: %s\r\n"
      "User-Agent: %s\r\n"
      "Accept: %s\r\n"
      "Accept-Encoding: identity\r\n"
      "Connection: close\r\n",
      head.method, url.base_path, head.path, url.HostField(), head.agent, head.accept);
  if (!api_key.empty()) absl::StrAppendFormat(&text, "Authorization: Bearer %s\r\n", api_key);
  return text;
}

}  // namespace

absl::StatusOr<std::string> RenderProbe(const Target& target) {
  const absl::StatusOr<Content> content = ContentFor(target);
  if (!content.ok()) return content.status();
  std::string request =
      Render({.method = "POST", .path = content->path}, target.url, target.api_key);
  absl::StrAppendFormat(&request, "Content-Type: %s\r\nContent-Length: %d\r\n\r\n", content->type,
                        content->body.size());
  request += content->body;
  return request;
}

std::string RenderGet(const Target& target, std::string_view path) {
  return Render({.method = "GET", .path = path}, target.url, target.api_key) + "\r\n";
}

std::string RenderScrape(const fleet::BackendUrl& url, std::string_view api_key) {
  const Head head = {.method = "GET",
                     .path = "/metrics",
                     .agent = "vllm-router-scraper",
                     .accept = "text/plain;version=0.0.4"};
  return Render(head, url, api_key) + "\r\n";
}

}  // namespace vllm_router::health
