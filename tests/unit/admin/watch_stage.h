// WatchConfig of a Service on a control plane of its own, called over gRPC within the process.
#ifndef TESTS_UNIT_ADMIN_WATCH_STAGE_H_
#define TESTS_UNIT_ADMIN_WATCH_STAGE_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "proto/error_details.pb.h"
#include "server/admin/service.h"
#include "tests/support/control_stage.h"

namespace vllm_router::admin {

class ConfigStream {
 public:
  ConfigStream(v1::RouterAdmin::Stub& stub, const v1::WatchConfigRequest& request) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    reader_ = stub.WatchConfig(&context_, request);
  }
  ~ConfigStream() {
    if (reader_ == nullptr) return;
    context_.TryCancel();
    End();
  }

  // Waits for it; a failure of the test when the stream ends instead.
  v1::WatchConfigResponse Next() {
    v1::WatchConfigResponse message;
    if (reader_ != nullptr && reader_->Read(&message)) return message;
    ADD_FAILURE() << "the stream has ended: " << (reader_ == nullptr ? "" : End());
    return {};
  }
  void Cancel() { context_.TryCancel(); }
  // Reads what is left and says how it ended: "OUT_OF_RANGE RESUME_TOKEN_EXPIRED", with the names
  // of fields behind it.
  std::string End() {
    v1::WatchConfigResponse message;
    while (reader_->Read(&message)) {
    }
    const grpc::Status status = reader_->Finish();
    reader_ = nullptr;
    error_details::Status details;
    EXPECT_TRUE(details.ParseFromString(status.error_details()));
    std::string end = absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code()));
    for (const auto& any : details.details()) {
      if (any.type_url() == "type.googleapis.com/google.rpc.ErrorInfo") {
        error_details::ErrorInfo info;
        EXPECT_TRUE(info.ParseFromString(any.value()));
        end += " " + info.reason();
      } else if (any.type_url() == "type.googleapis.com/google.rpc.BadRequest") {
        error_details::BadRequest bad;
        EXPECT_TRUE(bad.ParseFromString(any.value()));
        for (const auto& violation : bad.field_violations()) end += " " + violation.field();
      }
    }
    return end;
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchConfigResponse>> reader_;
};

class WatchConfigTest : public testing::Test {
 protected:
  using Kinds = std::vector<v1::ResourceKind>;

  ~WatchConfigTest() override {
    if (server_ == nullptr) return;
    stage_->store.Release();
    Shutdown();
    server_->Shutdown();
    watches_.Stop();
    stage_->Stop();
  }

  // Generation 1 is what the request makes of nothing.
  void Start(const std::string& request, store::StoreOptions options = {}) {
    stage_ = std::make_unique<test_support::ControlStage>(options);
    stage_->Start(request);
    gate_ = std::make_unique<Gate>(Gate::Options{}, audit_, [] { return uint64_t{1}; });
    service_ =
        std::make_unique<Service>(*gate_, stage_->control(), audit_, watches_, Process{}, tokens_);
    stage_->control().Subscribe([this] { watches_.OnNews(); });
    watches_.Start();
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::RouterAdmin::NewStub(server_->InProcessChannel({}));
  }
  // As AdminParts does it: streams end, and have left when this returns.
  void Shutdown() {
    gate_->Close();
    watches_.EndAll();
    gate_->WaitUntilIdle(std::chrono::seconds(20));
  }

  std::unique_ptr<ConfigStream> Watch(const std::string& token = "", const Kinds& kinds = {}) {
    v1::WatchConfigRequest request;
    request.set_resume_token(token);
    for (const v1::ResourceKind kind : kinds) request.add_kinds(kind);
    // Bookmarks of an interval would come between what the tests wait for.
    request.mutable_bookmark_interval()->set_seconds(600);
    return std::make_unique<ConfigStream>(*stub_, request);
  }
  // How a stream ends that begins with this token.
  std::string Refusal(const std::string& token, const Kinds& kinds = {}) {
    return Watch(token, kinds)->End();
  }
  // The token of the generation in effect.
  std::string TokenNow() { return Watch()->Next().resume_token(); }
  base::Outcome<control::Applied> Apply(const std::string& request) {
    return stage_->Apply(request);
  }

  // Of this life of the router.
  const OpaqueTokens tokens_;
  AuditLog audit_{AuditLog::Options{}};
  WatchLoop watches_;
  std::unique_ptr<test_support::ControlStage> stage_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::RouterAdmin::Stub> stub_;
};

}  // namespace vllm_router::admin

#endif  // TESTS_UNIT_ADMIN_WATCH_STAGE_H_
