// RawClient for tests that expect every step to work: a step that does not work fails the test and
// gives an empty value, so that a test reads as the conversation it describes.
#ifndef TESTS_INTEGRATION_TEST_CLIENT_H_
#define TESTS_INTEGRATION_TEST_CLIENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/raw_client.h"

namespace vllm_router::test {

class TestClient {
 public:
  explicit TestClient(uint16_t port, const RawClient::Options& options = {}) {
    absl::StatusOr<RawClient> client = RawClient::Connect(port, options);
    if (client.ok()) {
      client_.emplace(*std::move(client));
    } else {
      ADD_FAILURE() << "connect: " << client.status();
    }
  }

  TestClient& Send(std::string_view bytes) {
    if (client_) Check("send", client_->Send(bytes));
    return *this;
  }
  RawHead Head() { return Get("head", &RawClient::ReadHead, false); }
  std::string Body() { return Get("body", &RawClient::ReadBody); }
  RawResponse Response() { return Get("response", &RawClient::ReadResponse, false); }
  // The next events; an empty string for each one that did not come.
  std::vector<std::string> Events(size_t count) {
    std::vector<std::string> events = Get("events", &RawClient::ReadEvents, count);
    events.resize(count);
    return events;
  }
  std::string Event() { return Events(1).front(); }
  std::string Exactly(size_t count) { return Get("bytes", &RawClient::ReadExactly, count); }
  // How the peer ended the connection, without another byte before that.
  std::optional<PeerEnd> End() {
    if (!client_) return std::nullopt;
    absl::StatusOr<PeerEnd> end = client_->WaitForEnd();
    if (end.ok()) return *end;
    ADD_FAILURE() << "end of the connection: " << end.status();
    return std::nullopt;
  }

  void Close() {
    if (client_) client_->Close();
  }
  void Reset() {
    if (client_) client_->Reset();
  }
  // For what may fail.
  RawClient& raw() { return *client_; }

 private:
  template <typename T, typename... Declared, typename... Given>
  T Get(const char* what, absl::StatusOr<T> (RawClient::*read)(Declared...), Given... given) {
    if (!client_) return T();
    absl::StatusOr<T> result = (*client_.*read)(given...);
    if (result.ok()) return *std::move(result);
    Check(what, result.status());
    return T();
  }
  void Check(const char* what, const absl::Status& status) {
    if (status.ok()) return;
    ADD_FAILURE() << what << ": " << status;
    client_->set_patience(std::chrono::milliseconds(100));  // the rest cannot go well either
  }

  std::optional<RawClient> client_;
};

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_TEST_CLIENT_H_
