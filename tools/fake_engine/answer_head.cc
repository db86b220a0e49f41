#include "tools/fake_engine/answer_head.h"

#include "server/base/strings.h"
#include "tools/fake_engine/text.h"

namespace vllm_router::fake_engine {
namespace {

std::string_view ErrorType(int status) {
  switch (status) {
    case 400:
      return "BadRequestError";
    case 401:
      return "AuthenticationError";
    case 404:
      return "NotFoundError";
    case 429:
      return "RateLimitError";
    case 503:
      return "ServiceUnavailableError";
    default:
      return status < 500 ? "BadRequestError" : "InternalServerError";
  }
}

std::string_view AnthropicErrorType(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 503:
    case 529:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return status < 500 ? "Client Error" : "Server Error";
  }
}

void AppendHead(const AnswerHead& head, std::string_view date, std::string* out) {
  Append(out, head.http10 ? "HTTP/1.0 " : "HTTP/1.1 ", head.status, " ", ReasonPhrase(head.status),
         "\r\ndate: ", date, "\r\nserver: uvicorn\r\n");
  if (head.framing == Framing::kLength) Append(out, "content-length: ", head.length, "\r\n");
  if (!head.content_type.empty()) Append(out, "content-type: ", head.content_type, "\r\n");
  if (head.framing == Framing::kChunked) Append(out, "transfer-encoding: chunked\r\n");
  Append(out, head.extra);
  if (head.close) Append(out, "connection: close\r\n");
  Append(out, "\r\n");
}

std::string ErrorBody(int status, std::string_view message, std::string_view param) {
  std::string body;
  Append(&body, R"({"error":{"message":")", base::JsonEscape(message), R"(","type":")",
         ErrorType(status), R"(","param":)");
  if (param.empty()) {
    Append(&body, "null");
  } else {
    Append(&body, "\"", base::JsonEscape(param), "\"");
  }
  Append(&body, R"(,"code":)", status, "}}");
  return body;
}

std::string AnthropicErrorBody(int status, std::string_view message) {
  std::string body;
  Append(&body, R"({"type":"error","error":{"type":")", AnthropicErrorType(status),
         R"(","message":")", base::JsonEscape(message), R"("}})");
  return body;
}

}  // namespace vllm_router::fake_engine
