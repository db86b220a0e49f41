// The OpenAI error object, and every error that the router itself can answer with.
//
// Shape (https://platform.openai.com/docs/guides/error-codes, as the SDKs decode it):
//   {"error":{"message":"..","type":"..","param":null,"code":null}}
// Types and codes are OpenAI's own where OpenAI has the case (401 is type invalid_request_error
// with code invalid_api_key, a missing model is model_not_found, a rate limit is type requests);
// 5xx are type server_error. Texts that the original router uses are kept word for word as the
// message.
//
// Everything is constant data or a pure function: thread-safe, no state.
#ifndef SERVER_OPENAI_ERROR_H_
#define SERVER_OPENAI_ERROR_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace vllm_router::openai {

// One way to refuse or fail a request. All texts are constants with static lifetime, fit for a
// client. An empty `code` or `param` is null in JSON. `message` is the text to send unless a
// function below makes a more telling one.
struct RequestError {
  int status;
  std::string_view type;
  std::string_view code;
  std::string_view message;
  std::string_view param = {};
};

// {"error":{..}} with all four texts escaped; bytes that are not UTF-8 become U+FFFD.
std::string ErrorBody(std::string_view message, std::string_view type, std::string_view code,
                      std::string_view param);
std::string ErrorBody(const RequestError& error);
// The same error with a text of its own.
std::string ErrorBody(const RequestError& error, std::string_view message);

// Messages with something of the request in them. What a client sent is shown escaped and cut to
// 128 bytes.
std::string ModelNotFoundMessage(std::string_view model);
std::string ModelUnavailableMessage(std::string_view model);
std::string UnknownPathMessage(std::string_view method, std::string_view path);
std::string MethodNotAllowedMessage(std::string_view method, std::string_view path);
std::string BodyTooLargeMessage(uint64_t limit_bytes);

namespace errors {

inline constexpr std::string_view kInvalidRequestType = "invalid_request_error";
inline constexpr std::string_view kServerType = "server_error";

// 400: the body.
inline constexpr RequestError kInvalidRequest{400, kInvalidRequestType, "", "Invalid request."};
inline constexpr RequestError kInvalidJson{400, kInvalidRequestType, "invalid_json",
                                           "Invalid request: request body must be valid JSON."};
inline constexpr RequestError kNotAnObject{400, kInvalidRequestType, "invalid_json",
                                           "Invalid request: request body must be a JSON object."};
inline constexpr RequestError kMissingModel{400, kInvalidRequestType, "missing_required_parameter",
                                            "Invalid request: missing 'model' in request body.",
                                            "model"};
inline constexpr RequestError kMissingModelInForm{
    400, kInvalidRequestType, "missing_required_parameter",
    "Invalid request: missing 'model' in form data.", "model"};
inline constexpr RequestError kModelNotAString{400, kInvalidRequestType, "invalid_type",
                                               "Invalid request: 'model' must be a string.",
                                               "model"};
inline constexpr RequestError kModelEmpty{400, kInvalidRequestType, "invalid_value",
                                          "Invalid request: 'model' must not be empty.", "model"};
inline constexpr RequestError kModelTooLong{
    400, kInvalidRequestType, "invalid_value",
    "Invalid request: 'model' must not be longer than 1024 bytes.", "model"};
inline constexpr RequestError kModelHasControlCharacters{
    400, kInvalidRequestType, "invalid_value",
    "Invalid request: 'model' must not contain control characters.", "model"};
inline constexpr RequestError kModelNotUtf8{400, kInvalidRequestType, "invalid_value",
                                            "Invalid request: 'model' must be valid UTF-8.",
                                            "model"};
inline constexpr RequestError kDuplicateModel{400, kInvalidRequestType, "duplicate_parameter",
                                              "Invalid request: 'model' is given more than once.",
                                              "model"};
inline constexpr RequestError kDuplicateStream{400, kInvalidRequestType, "duplicate_parameter",
                                               "Invalid request: 'stream' is given more than once.",
                                               "stream"};
inline constexpr RequestError kInvalidMultipart{400, kInvalidRequestType, "",
                                                "Invalid multipart/form-data request"};

// 401 to 431: who asks, for what, and how much of it.
inline constexpr RequestError kInvalidApiKey{401, kInvalidRequestType, "invalid_api_key",
                                             "Incorrect API key provided."};
inline constexpr RequestError kModelNotFound{
    404, kInvalidRequestType, "model_not_found",
    "Model not found. Available models can be listed at /v1/models.", "model"};
inline constexpr RequestError kUnknownPath{404, kInvalidRequestType, "not_found", "Not Found"};
inline constexpr RequestError kMethodNotAllowed{405, kInvalidRequestType, "method_not_supported",
                                                "Method Not Allowed"};
inline constexpr RequestError kRequestTimeout{408, kInvalidRequestType, "request_timeout",
                                              "The request was not received in time."};
inline constexpr RequestError kLengthRequired{
    411, kInvalidRequestType, "length_required",
    "The request needs a Content-Length or chunked transfer coding."};
inline constexpr RequestError kBodyTooLarge{413, kInvalidRequestType, "request_too_large",
                                            "The request body is too large."};
inline constexpr RequestError kUriTooLong{414, kInvalidRequestType, "uri_too_long",
                                          "The request target is too long."};
inline constexpr RequestError kUnsupportedMediaType{
    415, kInvalidRequestType, "unsupported_media_type",
    "The Content-Type or Content-Encoding of the request is not supported."};
inline constexpr RequestError kExpectationFailed{
    417, kInvalidRequestType, "expectation_failed",
    "The only expectation that is understood is 100-continue."};
inline constexpr RequestError kTooManyRequests{429, "requests", "rate_limit_exceeded",
                                               "Too many requests. Please try again later."};
inline constexpr RequestError kHeadersTooLarge{431, kInvalidRequestType, "headers_too_large",
                                               "The request header fields are too large."};

// 500 to 505: the router and the engines behind it.
inline constexpr RequestError kInternal{500, kServerType, "internal_error",
                                        "Internal server error."};
inline constexpr RequestError kNotImplemented{501, kServerType, "not_implemented",
                                              "The request asks for something not implemented."};
inline constexpr RequestError kBackendConnectFailed{502, kServerType, "backend_connect_failed",
                                                    "No connection to a model server."};
inline constexpr RequestError kBackendProtocolError{502, kServerType, "backend_protocol_error",
                                                    "The model server sent no valid answer."};
inline constexpr RequestError kRequestAborted{502, kServerType, "request_aborted",
                                              "The request was aborted by the operator."};
inline constexpr RequestError kNoBackendAvailable{
    503, kServerType, "no_backend_available",
    "The model is temporarily unavailable. Please try again later.", "model"};
inline constexpr RequestError kOverloaded{503, kServerType, "overloaded",
                                          "The router is overloaded. Please try again later."};
inline constexpr RequestError kCallbackFailed{
    503, kServerType, "callback_failed",
    "The request could not be checked. Please try again later."};
inline constexpr RequestError kBackendTimeout{504, kServerType, "backend_timeout",
                                              "The model server did not answer in time."};
inline constexpr RequestError kHttpVersionNotSupported{
    505, kServerType, "http_version_not_supported", "The HTTP version is not supported."};

// All of them, for documentation and for metrics that want a bounded set of labels.
inline constexpr std::array kAll = {
    &kInvalidRequest,
    &kInvalidJson,
    &kNotAnObject,
    &kMissingModel,
    &kMissingModelInForm,
    &kModelNotAString,
    &kModelEmpty,
    &kModelTooLong,
    &kModelHasControlCharacters,
    &kModelNotUtf8,
    &kDuplicateModel,
    &kDuplicateStream,
    &kInvalidMultipart,
    &kInvalidApiKey,
    &kModelNotFound,
    &kUnknownPath,
    &kMethodNotAllowed,
    &kRequestTimeout,
    &kLengthRequired,
    &kBodyTooLarge,
    &kUriTooLong,
    &kUnsupportedMediaType,
    &kExpectationFailed,
    &kTooManyRequests,
    &kHeadersTooLarge,
    &kInternal,
    &kNotImplemented,
    &kBackendConnectFailed,
    &kBackendProtocolError,
    &kRequestAborted,
    &kNoBackendAvailable,
    &kOverloaded,
    &kCallbackFailed,
    &kBackendTimeout,
    &kHttpVersionNotSupported,
};

}  // namespace errors

// Last events of an event stream that cannot go on: the status has gone out, so the error travels
// as data, which the OpenAI, Vercel and LangChain SDKs raise as an exception. Constant, so that
// nothing an engine said can get in. Sent at an event boundary
// (http::SseTail::SeparatorBeforeEvent), then the stream ends.
// Named "error" and typed, because the Anthropic SDK passes over events whose name it does not
// know.
inline constexpr std::string_view kBackendDiedEvent =
    "event: error\n"
    "data: {\"error\":{\"message\":\"The model server closed the stream before its end.\","
    "\"type\":\"server_error\",\"param\":null,\"code\":\"backend_disconnected\"},"
    "\"type\":\"error\"}\n\n";
inline constexpr std::string_view kBackendIdleEvent =
    "event: error\n"
    "data: {\"error\":{\"message\":\"The model server sent nothing for too long.\","
    "\"type\":\"server_error\",\"param\":null,\"code\":\"backend_timeout\"},"
    "\"type\":\"error\"}\n\n";
inline constexpr std::string_view kAbortedEvent =
    "event: error\n"
    "data: {\"error\":{\"message\":\"The request was aborted by the operator.\","
    "\"type\":\"server_error\",\"param\":null,\"code\":\"request_aborted\"},"
    "\"type\":\"error\"}\n\n";
inline constexpr std::string_view kShuttingDownEvent =
    "event: error\n"
    "data: {\"error\":{\"message\":\"The router is shutting down.\","
    "\"type\":\"server_error\",\"param\":null,\"code\":\"router_shutting_down\"},"
    "\"type\":\"error\"}\n\n";

}  // namespace vllm_router::openai

#endif  // SERVER_OPENAI_ERROR_H_
