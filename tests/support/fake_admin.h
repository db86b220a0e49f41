// An in-process RouterAdmin whose answers are scripted, on a loopback port. It serves every RPC by
// its name, keeps what it was asked, and needs no generated service code. What has no script is
// UNIMPLEMENTED. Any thread; stops in its destructor, which cuts what still runs.
//
//   FakeAdmin admin;
//   admin.Answer("GetConfig", response);
//   ... call admin.address() ...
//   EXPECT_EQ(admin.Requests<v1::GetConfigRequest>("GetConfig").size(), 1u);
#ifndef TESTS_SUPPORT_FAKE_ADMIN_H_
#define TESTS_SUPPORT_FAKE_ADMIN_H_

#include <google/protobuf/message.h>
#include <grpcpp/support/status.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vllm_router::test_support {

// What an error carries in grpc-status-details-bin.
struct ErrorDetails {
  std::string reason = {};
  std::map<std::string, std::string> metadata = {};
  std::vector<std::pair<std::string, std::string>> violations = {};
  int retry_ms = -1;  // negative: no RetryInfo
};
grpc::Status ErrorStatus(grpc::StatusCode code, const std::string& message,
                         const ErrorDetails& details = {});

// What one call gets: messages, then the status; without one the call stays open until it is cut.
struct Script {
  Script& Send(const google::protobuf::Message& message) {
    messages.push_back(message.SerializeAsString());
    return *this;
  }
  Script& End(const grpc::Status& status) {
    end = status;
    return *this;
  }

  std::vector<std::string> messages;
  std::optional<grpc::Status> end;
};

class FakeAdmin {
 public:
  FakeAdmin();
  // Speaks TLS with these PEM files.
  FakeAdmin(const std::string& cert_file, const std::string& key_file);
  ~FakeAdmin();
  FakeAdmin(const FakeAdmin&) = delete;
  FakeAdmin& operator=(const FakeAdmin&) = delete;

  const std::string& address() const;

  // Scripts of one RPC are played in the order in which they were added; the last one stays.
  void Add(const std::string& rpc, Script script);
  void Answer(const std::string& rpc, const google::protobuf::Message& response) {
    Add(rpc, Script().Send(response).End(grpc::Status::OK));
  }
  void Refuse(const std::string& rpc, const grpc::Status& status) {
    Add(rpc, Script().End(status));
  }
  void Hold(const std::string& rpc) { Add(rpc, Script()); }

  // The requests to `rpc` so far.
  template <typename Request>
  std::vector<Request> Requests(const std::string& rpc) const {
    std::vector<Request> requests;
    for (const std::string& bytes : RawRequests(rpc))
      requests.emplace_back().ParseFromString(bytes);
    return requests;
  }
  // Waits until `rpc` has been called `count` times.
  void WaitForCalls(const std::string& rpc, size_t count) const;
  // The RPCs called so far, in order.
  std::vector<std::string> Calls() const;
  // Metadata of the last call; empty when it had none of this name.
  std::string Metadata(const std::string& name) const;

 private:
  class Service;
  std::vector<std::string> RawRequests(const std::string& rpc) const;

  const std::unique_ptr<Service> service_;
};

}  // namespace vllm_router::test_support

#endif  // TESTS_SUPPORT_FAKE_ADMIN_H_
