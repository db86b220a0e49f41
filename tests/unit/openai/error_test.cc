#include "server/openai/error.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vllm_router::openai {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ErrorBody, HasTheShapeThatOpenAiClientsDecode) {
  EXPECT_EQ(ErrorBody("m", "t", "c", "p"),
            R"({"error":{"message":"m","type":"t","param":"p","code":"c"}})");
  EXPECT_EQ(ErrorBody("m", "t", "", ""),
            R"({"error":{"message":"m","type":"t","param":null,"code":null}})");
}

TEST(ErrorBody, EscapesWhateverTheTextsHold) {
  EXPECT_EQ(ErrorBody("a\"b\\c\r\n\x01\xFF", "t\"", "c\"", "p\""),
            "{\"error\":{\"message\":\"a\\\"b\\\\c\\r\\n\\u0001\xEF\xBF\xBD\",\"type\":\"t\\\"\","
            "\"param\":\"p\\\"\",\"code\":\"c\\\"\"}}");
}

TEST(ErrorBody, TakesTypeCodeAndParamFromTheError) {
  EXPECT_EQ(ErrorBody(errors::kInvalidApiKey),
            R"({"error":{"message":"Incorrect API key provided.","type":"invalid_request_error",)"
            R"("param":null,"code":"invalid_api_key"}})");
  EXPECT_EQ(ErrorBody(errors::kModelNotFound, "gone"),
            R"({"error":{"message":"gone","type":"invalid_request_error","param":"model",)"
            R"("code":"model_not_found"}})");
}

TEST(ErrorMessages, KeepTheOriginalsTexts) {
  EXPECT_EQ(ModelNotFoundMessage("llama"),
            "Model 'llama' not found. Available models can be listed at /v1/models.");
  EXPECT_EQ(ModelUnavailableMessage("llama"),
            "Model 'llama' is temporarily unavailable. Please try again later.");
  EXPECT_EQ(errors::kMissingModelInForm.message, "Invalid request: missing 'model' in form data.");
  EXPECT_EQ(errors::kInvalidMultipart.message, "Invalid multipart/form-data request");
}

TEST(ErrorMessages, ShowTheClientsTextBoundedAndEscaped) {
  const std::string long_text(100'000, 'x');
  for (const std::string& message :
       {ModelNotFoundMessage(long_text), ModelUnavailableMessage(long_text),
        UnknownPathMessage("GET", long_text), MethodNotAllowedMessage(long_text, "/")}) {
    EXPECT_LT(message.size(), 300u);
    EXPECT_THAT(message, HasSubstr(std::string(128, 'x') + "..."));
  }
  const std::string escaped = UnknownPathMessage("G\x1b[31m", "/a\r\nb");
  EXPECT_EQ(escaped, "Invalid URL (G\\x1b[31m /a\\r\\nb)");
}

TEST(ErrorMessages, NameTheLimitOfTheBody) {
  EXPECT_EQ(BodyTooLargeMessage(67'108'864),
            "The request body is larger than the limit of 67108864 bytes.");
}

TEST(ErrorTable, CoversEveryStatusOnceOrWithDistinctErrors) {
  std::set<int> statuses;
  std::set<std::string_view> messages;
  for (const RequestError* error : errors::kAll) {
    statuses.insert(error->status);
    EXPECT_TRUE(messages.insert(error->message).second) << error->message;
    EXPECT_EQ(error->type == errors::kServerType, error->status >= 500) << error->message;
    EXPECT_THAT(error->message, Not(HasSubstr("%")));
  }
  EXPECT_EQ(statuses, (std::set<int>{400, 401, 404, 405, 408, 411, 413, 414, 415, 417, 429, 431,
                                     500, 501, 502, 503, 504, 505}));
}

TEST(StreamEvents, AreErrorBodiesFramedAsOneEvent) {
  const struct {
    std::string_view event;
    std::string_view message;
    std::string_view code;
  } kCases[] = {
      {kBackendDiedEvent, "The model server closed the stream before its end.",
       "backend_disconnected"},
      {kBackendIdleEvent, "The model server sent nothing for too long.", "backend_timeout"},
      {kShuttingDownEvent, "The router is shutting down.", "router_shutting_down"},
  };
  for (const auto& c : kCases) {
    std::string body = ErrorBody(c.message, "server_error", c.code, "");
    body.insert(body.size() - 1, ",\"type\":\"error\"");
    EXPECT_EQ(c.event, "event: error\ndata: " + body + "\n\n");
  }
}

}  // namespace
}  // namespace vllm_router::openai
