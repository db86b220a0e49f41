#include "server/admin/authorizer.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "proto/router.pb.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/admin/proto_comments.h"

namespace vllm_router::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// printf %s secret-a | sha256sum, printf %s secret-b | sha256sum
constexpr char kA[] = "8766b9cb08e6040b704f1e3ee1e186efccf2635b1d2634d6525333007e6aeae1";
constexpr char kB[] = "ff492ef788c89b555e6f738b33d2422f57dbb6656af2402155672c5f123a90af";

std::shared_ptr<const RoleFile> Roles(const std::string& text) {
  auto roles = RoleFile::Parse("tokens", text);
  EXPECT_THAT(roles, test_support::IsOk());
  return roles.ok() ? *roles : nullptr;
}

Credentials Token(const std::string& authorization) { return {{authorization}, false, {}}; }
Credentials Certificate(std::vector<std::string> names) { return {{}, true, std::move(names)}; }

std::string Answer(const base::Outcome<Identity>& outcome) {
  if (!outcome.ok()) return outcome.failure().reason;
  return absl::StrCat(outcome->actor, " ", std::string(RoleName(outcome->role)));
}

TEST(RequiredRole, IsWhatTheProtoSaysForEveryRpc) {
  const auto stated = CommentedItems(R"(^  // Role: (\w+)\.)", R"(^  rpc (\w+)\()");
  const auto* service = v1::Config::descriptor()->file()->FindServiceByName("RouterAdmin");
  ASSERT_EQ(stated.size(), static_cast<size_t>(service->method_count()));
  for (const auto& [rpc, role] : stated) {
    const std::optional<Role> required = RequiredRole(rpc);
    ASSERT_TRUE(required) << rpc;
    EXPECT_EQ(RoleName(*required), role) << rpc;
  }
  EXPECT_EQ(RequiredRole("MakeCoffee"), std::nullopt);
}

TEST(Authorizer, LetsEverybodyDoEverythingWhenNothingIsConfigured) {
  const Authorizer open({});
  EXPECT_EQ(Answer(open.Authorize({}, "ApplyConfig")), "anonymous admin");
  EXPECT_EQ(Answer(open.Authorize(Token("Bearer anything"), "Shutdown")), "anonymous admin");
}

TEST(Authorizer, KnowsCallersByTheirTokens) {
  const Authorizer tokens(
      {false, Roles(absl::StrCat("# people\n\nann admin ", kA, "\r\n\tci  viewer\t", kB, "\n"))});
  EXPECT_EQ(Answer(tokens.Identify(Token("Bearer secret-a"))), "token:ann admin");
  EXPECT_EQ(Answer(tokens.Identify(Token("bearer  secret-b "))), "token:ci viewer");
  EXPECT_EQ(Answer(tokens.Identify({})), "CREDENTIALS_MISSING");
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer secret-", "secret-a", "Basic secret-a",
                            "Bearer SECRET-A", "Bearer secret-a,secret-b"}) {
    EXPECT_EQ(Answer(tokens.Identify(Token(wrong))), "CREDENTIALS_INVALID") << wrong;
  }
  EXPECT_EQ(Answer(tokens.Identify({{"Bearer secret-a", "Bearer secret-b"}, false, {}})),
            "CREDENTIALS_INVALID");
}

TEST(Authorizer, MakesEveryCertificateOfTheClientCaAdminWithoutAFile) {
  const Authorizer mtls({true, nullptr});
  EXPECT_EQ(Answer(mtls.Identify(Certificate({"ops.example", "other"}))), "san:ops.example admin");
  EXPECT_EQ(Answer(mtls.Identify({})), "CREDENTIALS_MISSING");
}

TEST(Authorizer, TakesTheFirstNameOfACertificateThatHasALine) {
  const Authorizer both(
      {true, Roles(absl::StrCat("san:spiffe://a/ops operator\nsan:10.0.0.1 admin\n"
                                "ann viewer ",
                                kA))});
  EXPECT_EQ(Answer(both.Identify(Certificate({"x", "spiffe://a/ops", "10.0.0.1"}))),
            "san:spiffe://a/ops operator");
  EXPECT_EQ(Answer(both.Identify(Certificate({"x"}))), "CREDENTIALS_INVALID");
  EXPECT_EQ(Answer(both.Identify(Certificate({}))), "CREDENTIALS_INVALID");
  // A token decides, right or wrong.
  EXPECT_EQ(Answer(both.Identify({{"Bearer secret-a"}, true, {"10.0.0.1"}})), "token:ann viewer");
  EXPECT_EQ(Answer(both.Identify({{"Bearer x"}, true, {"10.0.0.1"}})), "CREDENTIALS_INVALID");
}

TEST(Authorizer, DoesNotTrustACertificateThatTheServerDidNotVerify) {
  const Authorizer tokens({false, Roles("san:ops admin")});
  EXPECT_EQ(Answer(tokens.Identify(Certificate({"ops"}))), "CREDENTIALS_MISSING");
}

TEST(Authorizer, HoldsEachRoleToItsRpcs) {
  const auto check = [](Role role, std::string_view rpc) {
    const auto refused = Authorizer::CheckRole({"token:x", role}, rpc);
    return refused ? refused->reason : "";
  };
  EXPECT_EQ(check(Role::kViewer, "GetConfig"), "");
  EXPECT_EQ(check(Role::kViewer, "DrainBackend"), "ROLE_INSUFFICIENT");
  EXPECT_EQ(check(Role::kOperator, "DrainBackend"), "");
  EXPECT_EQ(check(Role::kOperator, "ApplyConfig"), "ROLE_INSUFFICIENT");
  EXPECT_EQ(check(Role::kAdmin, "ApplyConfig"), "");
  EXPECT_EQ(check(Role::kOperator, "NewRpcWithoutRow"), "ROLE_INSUFFICIENT");
  const auto refused = Authorizer::CheckRole({"token:x", Role::kViewer}, "SetLogLevel");
  EXPECT_EQ(refused->metadata.at("role"), "viewer");
  EXPECT_EQ(refused->metadata.at("required_role"), "operator");
}

TEST(Authorizer, TakesANewFileIntoForce) {
  Authorizer tokens({false, Roles(absl::StrCat("ann admin ", kA))});
  tokens.Replace(Roles(absl::StrCat("ann viewer ", kA, "\nbob admin ", kB)));
  EXPECT_EQ(Answer(tokens.Identify(Token("Bearer secret-a"))), "token:ann viewer");
  EXPECT_EQ(Answer(tokens.Identify(Token("Bearer secret-b"))), "token:bob admin");
}

TEST(RoleFile, NamesFileAndLineAndRepeatsNothing) {
  const struct {
    std::string text;
    std::string said;
  } cases[] = {
      {"hunter2\n", "tokens: line 1: want '<name> <role> <SHA-256"},
      {"# x\nann hunter2 " + std::string(kA), "tokens: line 2: the role has to be"},
      {"ann admin hunter2", "tokens: line 1: the third word"},
      {"ann admin " + std::string(kA) + " hunter2", "tokens: line 1: want"},
      {"san:x hunter2 y", "tokens: line 1: want 'san:"},
      {"san: admin", "tokens: line 1: the name has to be"},
      {"a\x01z admin " + std::string(kA), "tokens: line 1: the name has to be"},
      {"san:x admin\nsan:x viewer", "tokens: line 2: 'san:x' has a line already"},
      {"a admin " + std::string(kA) + "\nb viewer " + kA, "tokens: line 2: this token has"},
      {"# nothing\n", "tokens: it holds neither"},
  };
  for (const auto& [text, said] : cases) {
    EXPECT_THAT(RoleFile::Parse("tokens", text),
                test_support::StatusIs(absl::StatusCode::kInvalidArgument,
                                       AllOf(HasSubstr(said), Not(HasSubstr("hunter2")))));
  }
}

}  // namespace
}  // namespace vllm_router::admin
