// The callback server as gRPC's own client sees it.
#include "vllm_router/callback_server.h"

#include <grpcpp/generic/generic_stub.h>

#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_directory.h"
#include "tests/unit/client/callback_stage.h"

namespace vllm_router {
namespace {

class CallbackServerTest : public testing::Test {
 protected:
  RunningServer& Start(const CallbackServerOptions& options = {}) {
    server_ = std::make_unique<RunningServer>(&service_, options);
    client_ = std::make_unique<GrpcClient>((*server_)->address());
    return *server_;
  }

  ScriptedService service_;
  std::unique_ptr<RunningServer> server_;
  std::unique_ptr<GrpcClient> client_;
};

TEST_F(CallbackServerTest, AServiceThatDoesNothingLetsAllPass) {
  CallbackService nothing;
  RunningServer server(&nothing);
  GrpcClient client(server->address());
  v1::PreRequestResponse pre;
  ASSERT_TRUE(client.Pre(v1::PreRequestRequest(), &pre).ok());
  EXPECT_EQ(pre.decision_case(), v1::PreRequestResponse::DECISION_NOT_SET);
  grpc::ClientContext context;
  v1::PostRequestResponse post;
  EXPECT_TRUE(client.stub().PostRequest(&context, v1::PostRequestRequest(), &post).ok());
}

TEST_F(CallbackServerTest, BothMethodsGetTheirMessages) {
  service_.pre = [](const v1::PreRequestRequest& call) {
    v1::PreRequestResponse response;
    response.mutable_proceed()->set_model(call.callback() + call.request().model());
    return response;
  };
  std::string seen;
  service_.post = [&](const v1::PostRequestRequest& call) {
    seen = call.cause_message();
    return v1::PostRequestResponse();
  };
  Start();
  v1::PreRequestRequest pre;
  pre.set_callback("callbacks/");
  pre.mutable_request()->set_model("modèle");
  v1::PreRequestResponse changes;
  ASSERT_TRUE(client_->Pre(pre, &changes).ok());
  EXPECT_EQ(changes.proceed().model(), "callbacks/modèle");

  v1::PostRequestRequest post;
  post.set_cause_message("over");
  v1::PostRequestResponse nothing;
  grpc::ClientContext context;
  ASSERT_TRUE(client_->stub().PostRequest(&context, post, &nothing).ok());
  EXPECT_EQ(seen, "over");
}

TEST_F(CallbackServerTest, ASocketFileServesAsWell) {
  const test::TempDirectory directory;
  const std::string path = directory.path() + "/s";
  RunningServer server(&service_, {}, "unix:" + path);
  EXPECT_EQ(server->address(), "unix:" + path);
  std::string target = "unix:";  // for gRPC a URI
  for (const char c : path) {
    char escape[4];
    std::snprintf(escape, sizeof(escape), "%%%02X", static_cast<unsigned char>(c));
    target += c == '/' ? "/" : escape;
  }
  EXPECT_TRUE(GrpcClient(target).Pre().ok());
}

TEST_F(CallbackServerTest, BodiesOfManyMebibytesTravelBothWays) {
  service_.pre = [](const v1::PreRequestRequest& call) {
    v1::PreRequestResponse response;
    response.mutable_proceed()->set_body(call.request().body().data());
    return response;
  };
  Start();
  v1::PreRequestRequest request;
  std::string& body = *request.mutable_request()->mutable_body()->mutable_data();
  for (int i = 0; body.size() < 10u << 20; ++i) body += std::to_string(i);
  for (int i = 0; i < 3; ++i) {
    v1::PreRequestResponse response;
    const grpc::Status status = client_->Pre(request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(response.proceed().body() == body);
  }
}

TEST_F(CallbackServerTest, HeadersOfACallDoNotDisturb) {
  Start();
  grpc::ClientContext context;
  for (int i = 0; i < 50; ++i) context.AddMetadata("x-header-" + std::to_string(i), "value");
  context.AddMetadata("binary-bin", std::string(100, '\0'));
  v1::PreRequestResponse response;
  EXPECT_TRUE(client_->stub().PreRequest(&context, v1::PreRequestRequest(), &response).ok());
}

TEST_F(CallbackServerTest, AServiceMayFailWithAStatus) {
  service_.pre = [](const auto&) { return absl::PermissionDeniedError("100 % für immer\n"); };
  Start();
  const grpc::Status status = client_->Pre();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message(), "100 % für immer\n");
}

TEST_F(CallbackServerTest, OtherMethodsAreNotImplemented) {
  Start();
  grpc::GenericStub stub(
      grpc::CreateChannel((*server_)->address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(&context, "/vllm_router.v1.RouterCallback/Other",
                                          grpc::ByteBuffer(), &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(CallbackServerTest, CompressionIsRefusedWithTheRightCode) {
  Start();
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  v1::PreRequestRequest request;
  request.mutable_request()->mutable_body()->set_data(std::string(100'000, 'x'));
  v1::PreRequestResponse response;
  EXPECT_EQ(client_->stub().PreRequest(&context, request, &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(CallbackServerTest, AMessageThatIsTooLongIsRefused) {
  CallbackServerOptions options;
  options.max_message_bytes = 1000;
  Start(options);
  v1::PreRequestRequest request;
  request.mutable_request()->mutable_body()->set_data(std::string(10u << 20, 'x'));
  v1::PreRequestResponse response;
  EXPECT_EQ(client_->Pre(request, &response).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(service_.calls, 0);
  EXPECT_TRUE(client_->Pre().ok());
}

TEST_F(CallbackServerTest, ACallThatNobodyWaitsForDoesNoHarm) {
  std::promise<void> go_on;
  service_.pre = [&, first = true](const auto&) mutable {
    if (std::exchange(first, false)) go_on.get_future().wait();
    return v1::PreRequestResponse();
  };
  Start();
  v1::PreRequestResponse response;
  EXPECT_EQ(client_->Pre({}, &response, std::chrono::milliseconds(200)).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  go_on.set_value();
  EXPECT_TRUE(client_->Pre().ok());
}

TEST_F(CallbackServerTest, ManyCallsAtOnceAreAllAnswered) {
  service_.pre = [](const v1::PreRequestRequest& call) {
    v1::PreRequestResponse response;
    response.mutable_proceed()->set_model(call.request().model());
    return response;
  };
  Start();
  struct Call {
    grpc::ClientContext context;
    v1::PreRequestResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::PreRequestResponse>> reader;
  };
  constexpr int kCalls = 200;
  std::vector<Call> calls(kCalls);
  grpc::CompletionQueue queue;
  for (int i = 0; i < kCalls; ++i) {
    v1::PreRequestRequest request;
    request.mutable_request()->set_model(std::to_string(i));
    request.mutable_request()->mutable_body()->set_data(std::string(10'000, 'x'));
    GrpcClient::SetDeadline(&calls[i].context);
    calls[i].reader = client_->stub().AsyncPreRequest(&calls[i].context, request, &queue);
    calls[i].reader->Finish(&calls[i].response, &calls[i].status, &calls[i]);
  }
  for (int i = 0; i < kCalls; ++i) {
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
  }
  for (int i = 0; i < kCalls; ++i) {
    EXPECT_TRUE(calls[i].status.ok()) << calls[i].status.error_message();
    EXPECT_EQ(calls[i].response.proceed().model(), std::to_string(i));
  }
}

}  // namespace
}  // namespace vllm_router
