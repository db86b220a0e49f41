#include "tests/support/fake_admin.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <sstream>

#include "gtest/gtest.h"
#include "proto/error_details.pb.h"
#include "server/base/mutex.h"

namespace vllm_router::test_support {
namespace {

std::string Bytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

grpc::ByteBuffer Buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

template <typename Detail>
void AddDetail(const char* type, const Detail& detail, error_details::Status* status) {
  google::protobuf::Any* any = status->add_details();
  any->set_type_url(std::string("type.googleapis.com/google.rpc.") + type);
  any->set_value(detail.SerializeAsString());
}

std::string Content(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

std::shared_ptr<grpc::ServerCredentials> Tls(const std::string& cert, const std::string& key) {
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({Content(key), Content(cert)});
  return grpc::SslServerCredentials(options);
}

}  // namespace

grpc::Status ErrorStatus(grpc::StatusCode code, const std::string& message,
                         const ErrorDetails& details) {
  error_details::Status status;
  status.set_code(code);
  status.set_message(message);
  error_details::ErrorInfo info;
  info.set_domain("vllm-router");
  info.set_reason(details.reason);
  for (const auto& [key, value] : details.metadata) (*info.mutable_metadata())[key] = value;
  AddDetail("ErrorInfo", info, &status);
  if (!details.violations.empty()) {
    error_details::BadRequest request;
    for (const auto& [field, description] : details.violations) {
      auto* violation = request.add_field_violations();
      violation->set_field(field);
      violation->set_description(description);
    }
    AddDetail("BadRequest", request, &status);
  }
  if (details.retry_ms >= 0) {
    error_details::RetryInfo retry;
    retry.mutable_retry_delay()->set_nanos(details.retry_ms * 1000000);
    AddDetail("RetryInfo", retry, &status);
  }
  return {code, message, status.SerializeAsString()};
}

class FakeAdmin::Service : public grpc::CallbackGenericService {
 public:
  explicit Service(const std::shared_ptr<grpc::ServerCredentials>& credentials) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials, &port);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }
  ~Service() override { server_->Shutdown(std::chrono::system_clock::now()); }

  // Keeps the request and gives the script that it gets.
  Script Take(const grpc::GenericCallbackServerContext& context, const std::string& request) {
    base::MutexLock lock(&mutex_);
    const std::string rpc = context.method().substr(context.method().rfind('/') + 1);
    calls_.push_back({rpc, request});
    metadata_.clear();
    for (const auto& [key, value] : context.client_metadata()) {
      metadata_[std::string(key.data(), key.size())] = std::string(value.data(), value.size());
    }
    changed_.notify_all();
    std::deque<Script>& scripts = scripts_[rpc];
    if (scripts.empty()) return Script().End({grpc::StatusCode::UNIMPLEMENTED, "no such method"});
    Script script = scripts.front();
    if (scripts.size() > 1) scripts.pop_front();
    return script;
  }

  struct KeptCall {
    std::string rpc;
    std::string request;
  };

  size_t CountCalls(const std::string& rpc) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    size_t calls = 0;
    for (const KeptCall& call : calls_) calls += call.rpc == rpc ? 1 : 0;
    return calls;
  }

  mutable base::Mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::map<std::string, std::deque<Script>> scripts_ ABSL_GUARDED_BY(mutex_);
  std::vector<KeptCall> calls_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> metadata_ ABSL_GUARDED_BY(mutex_);
  std::string address_;

 private:
  class Call;
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* ctx) override;

  std::unique_ptr<grpc::Server> server_;
};

// Plays one script. gRPC calls OnCancel beside the others, hence the lock.
class FakeAdmin::Service::Call : public grpc::ServerGenericBidiReactor {
 public:
  Call(Service* service, grpc::GenericCallbackServerContext* context)
      : service_(service), context_(context) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return FinishOnce(grpc::Status::CANCELLED);
    script_ = service_->Take(*context_, Bytes(request_));
    Go();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return FinishOnce(grpc::Status::CANCELLED);
    Go();
  }
  void OnCancel() override {
    bool held = false;
    {
      base::MutexLock lock(&mutex_);
      cancelled_ = true;
      held = held_;
    }
    if (held) FinishOnce(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }

 private:
  void Go() {
    if (sent_ < script_.messages.size()) {
      buffer_ = Buffer(script_.messages[sent_++]);
      StartWrite(&buffer_);
      return;
    }
    if (script_.end.has_value()) return FinishOnce(*script_.end);
    bool cancelled = false;
    {
      base::MutexLock lock(&mutex_);
      held_ = true;
      cancelled = cancelled_;
    }
    if (cancelled) FinishOnce(grpc::Status::CANCELLED);
  }
  void FinishOnce(const grpc::Status& status) {
    {
      base::MutexLock lock(&mutex_);
      if (finished_) return;
      finished_ = true;
    }
    Finish(status);
  }

  Service* const service_;
  grpc::GenericCallbackServerContext* const context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer buffer_;
  Script script_;
  size_t sent_ = 0;
  base::Mutex mutex_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

grpc::ServerGenericBidiReactor* FakeAdmin::Service::CreateReactor(
    grpc::GenericCallbackServerContext* ctx) {
  return new Call(this, ctx);
}

FakeAdmin::FakeAdmin() : service_(new Service(grpc::InsecureServerCredentials())) {}
FakeAdmin::FakeAdmin(const std::string& cert_file, const std::string& key_file)
    : service_(new Service(Tls(cert_file, key_file))) {}
FakeAdmin::~FakeAdmin() = default;

const std::string& FakeAdmin::address() const { return service_->address_; }

void FakeAdmin::Add(const std::string& rpc, Script script) {
  base::MutexLock lock(&service_->mutex_);
  service_->scripts_[rpc].push_back(std::move(script));
}

std::vector<std::string> FakeAdmin::RawRequests(const std::string& rpc) const {
  base::MutexLock lock(&service_->mutex_);
  std::vector<std::string> requests;
  for (const Service::KeptCall& call : service_->calls_) {
    if (call.rpc == rpc) requests.push_back(call.request);
  }
  return requests;
}

void FakeAdmin::WaitForCalls(const std::string& rpc, size_t count) const {
  base::MutexLock lock(&service_->mutex_);
  while (service_->CountCalls(rpc) < count) service_->changed_.wait(service_->mutex_);
}

std::vector<std::string> FakeAdmin::Calls() const {
  base::MutexLock lock(&service_->mutex_);
  std::vector<std::string> names;
  for (const Service::KeptCall& call : service_->calls_) names.push_back(call.rpc);
  return names;
}

std::string FakeAdmin::Metadata(const std::string& name) const {
  base::MutexLock lock(&service_->mutex_);
  const auto found = service_->metadata_.find(name);
  return found == service_->metadata_.end() ? "" : found->second;
}

}  // namespace vllm_router::test_support
