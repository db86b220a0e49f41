// A client of a FakeAdmin that does not wait long between attempts.
#ifndef TESTS_UNIT_CLIENT_MAKE_CLIENT_H_
#define TESTS_UNIT_CLIENT_MAKE_CLIENT_H_

#include <memory>

#include "gtest/gtest.h"
#include "tests/support/fake_admin.h"
#include "vllm_router/client.h"

namespace vllm_router {

inline ClientOptions QuickOptions(const std::string& address) {
  ClientOptions options;
  options.address = address;
  options.retry.initial_backoff = absl::Milliseconds(1);
  options.retry.max_backoff = absl::Milliseconds(5);
  return options;
}

inline std::unique_ptr<Client> MakeClient(const test_support::FakeAdmin& admin) {
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(QuickOptions(admin.address()));
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

}  // namespace vllm_router

#endif  // TESTS_UNIT_CLIENT_MAKE_CLIENT_H_
