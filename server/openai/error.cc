#include "server/openai/error.h"

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::openai {
namespace {

// A JSON string, or null for an empty text.
std::string QuotedOrNull(std::string_view text) {
  if (text.empty()) return "null";
  return absl::StrFormat("\"%s\"", base::JsonEscape(text));
}

}  // namespace

std::string ErrorBody(std::string_view message, std::string_view type, std::string_view code,
                      std::string_view param) {
  return absl::StrFormat(R"({"error":{"message":"%s","type":"%s","param":%s,"code":%s}})",
                         base::JsonEscape(message), base::JsonEscape(type), QuotedOrNull(param),
                         QuotedOrNull(code));
}

std::string ErrorBody(const RequestError& error) { return ErrorBody(error, error.message); }

std::string ErrorBody(const RequestError& error, std::string_view message) {
  return ErrorBody(message, error.type, error.code, error.param);
}

std::string ModelNotFoundMessage(std::string_view model) {
  return absl::StrFormat("Model '%s' not found. Available models can be listed at /v1/models.",
                         base::Printable(model));
}

std::string ModelUnavailableMessage(std::string_view model) {
  return absl::StrFormat("Model '%s' is temporarily unavailable. Please try again later.",
                         base::Printable(model));
}

std::string UnknownPathMessage(std::string_view method, std::string_view path) {
  return absl::StrFormat("Invalid URL (%s %s)", base::Printable(method), base::Printable(path));
}

std::string MethodNotAllowedMessage(std::string_view method, std::string_view path) {
  return absl::StrFormat("Not allowed to %s on %s.", base::Printable(method),
                         base::Printable(path));
}

std::string BodyTooLargeMessage(uint64_t limit_bytes) {
  return absl::StrFormat("The request body is larger than the limit of %d bytes.", limit_bytes);
}

}  // namespace vllm_router::openai
