// What the tests of the client share: a call that remembers its end, and a loop that is turned by
// the test itself.
#ifndef TESTS_UNIT_RPC_STAGE_H_
#define TESTS_UNIT_RPC_STAGE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "server/net/address.h"
#include "server/net/event_loop.h"
#include "server/rpc/client.h"
#include "tests/unit/net/turns.h"

namespace vllm_router::rpc {

inline constexpr char kPre[] = "/vllm_router.v1.RouterCallback/PreRequest";

class RecordedCall final : public Call {
 public:
  std::optional<absl::Status> status;
  std::string message;
  std::function<void()> then = [] {};

 private:
  void OnEnd(const absl::Status& end, std::string_view answer) override {
    ASSERT_FALSE(status.has_value()) << "a call ends once";
    status = end;
    message = answer;
    then();
  }
};

class ClientTest : public testing::Test {
 protected:
  // Services listen on a Unix socket or a port of loopback.
  static Target At(const net::Address& address) {
    return {.authority = "localhost", .tls = {}, .server_name = {}, .addresses = [address] {
              return std::vector<net::Address>{address};
            }};
  }
  static Target AtPort(uint16_t port) { return At(*net::ParseIpLiteral("127.0.0.1", port)); }

  static CallRequest Asking(std::string message = {},
                            base::Duration deadline = std::chrono::seconds(30)) {
    return {.path = kPre,
            .message = std::move(message),
            .deadline = deadline,
            .max_answer_bytes = 1u << 20};
  }

  // Starts it, and turns the loop until it has ended.
  absl::Status Result(Client& client, RecordedCall& call, CallRequest request) {
    call.status.reset();
    if (absl::Status status = client.Start(call, std::move(request)); !status.ok()) return status;
    EXPECT_TRUE(net::TurnUntil(loop_, [&] { return call.status.has_value(); }));
    return call.status.value_or(absl::UnknownError("it never ended"));
  }
  absl::Status Result(Client& client, CallRequest request) {
    RecordedCall call;
    return Result(client, call, std::move(request));
  }

  net::EventLoop loop_;
};

}  // namespace vllm_router::rpc

#endif  // TESTS_UNIT_RPC_STAGE_H_
