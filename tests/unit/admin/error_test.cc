#include "server/admin/error.h"

#include <grpcpp/support/status.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "gmock/gmock.h"
#include "proto/error_details.pb.h"
#include "proto/router.pb.h"
#include "tests/unit/admin/proto_comments.h"

namespace vllm_router::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kTypes[] = "type.googleapis.com/google.rpc.";

error_details::Status Details(const grpc::Status& status) {
  error_details::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), status.error_code());
  EXPECT_EQ(details.message(), status.error_message());
  return details;
}

// The details of one type; there must be exactly one.
template <typename T>
T Detail(const error_details::Status& details, const std::string& type) {
  T result;
  int found = 0;
  for (const auto& any : details.details()) {
    if (any.type_url() != kTypes + type) continue;
    ++found;
    EXPECT_TRUE(result.ParseFromString(any.value()));
  }
  EXPECT_EQ(found, 1) << type;
  return result;
}

std::vector<base::Failure> OneOfEach() {
  using namespace base;  // NOLINT: all of its constructors
  const Duration soon = std::chrono::seconds(1);
  return {
      InvalidField("f", "d"),       RequestIdReused("r"),         CredentialsMissing(),
      CredentialsInvalid(),         RoleInsufficient("a", "b"),   BackendNotFound("n"),
      CallbackNotFound("n"),        AliasNotFound("n"),           PolicyNotFound("n"),
      RevisionNotFound(1, 2),       CommitNotFound("c"),          LeaseNotFound("n"),
      ModelNotFound("m"),           RequestNotFound("name", "n"), ResourceExists("n"),
      EtagMismatch("n", "e"),       GenerationMismatch(7),        ResourceInUse("n", {"a", "b"}),
      SourceOwned("n", "k8s", "f"), CommitPending("c", "t"),      ResumeTokenExpired(),
      TooManyWatchers(1, soon),     TooManyCalls(1, soon),        ShuttingDown(),
      StateStoreFailed("d")};
}

TEST(Failure, HasOneConstructorForEachReasonWithTheCodeThatTheProtoStates) {
  std::map<std::string, std::string> stated =
      CommentedItems(R"(^  // ([A-Z_]+): )", R"(^  ERROR_REASON_([A-Z_]+) = )");
  ASSERT_EQ(stated.size(), static_cast<size_t>(v1::ErrorReason_descriptor()->value_count()));
  stated.erase("UNSPECIFIED");
  std::map<std::string, std::string> built;
  for (const base::Failure& failure : OneOfEach()) {
    built[failure.reason] = absl::StatusCodeToString(failure.code);
    EXPECT_FALSE(failure.message.empty()) << failure.reason;
  }
  EXPECT_EQ(built, stated);
}

TEST(Failure, TravelsInAnOutcome) {
  const base::Outcome<std::string> value = std::string("x");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value, "x");
  const base::Outcome<std::string> failure = base::BackendNotFound("backends/b");
  ASSERT_FALSE(failure.ok());
  EXPECT_EQ(failure.failure().metadata.at("name"), "backends/b");
}

TEST(ToGrpcStatus, CarriesExactlyOneErrorInfo) {
  const grpc::Status status = ToGrpcStatus(base::EtagMismatch("backends/b", "e7"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_THAT(status.error_message(), HasSubstr("its etag is now e7"));
  const error_details::Status details = Details(status);
  EXPECT_EQ(details.details_size(), 1);
  const auto info = Detail<error_details::ErrorInfo>(details, "ErrorInfo");
  EXPECT_EQ(info.reason(), "ETAG_MISMATCH");
  EXPECT_EQ(info.domain(), "vllm-router");
  EXPECT_THAT(info.metadata(),
              UnorderedElementsAre(Pair("name", "backends/b"), Pair("etag", "e7")));
}

TEST(ToGrpcStatus, SaysWhenToTryAgain) {
  const grpc::Status status = ToGrpcStatus(base::TooManyCalls(32, std::chrono::milliseconds(1500)));
  const auto retry = Detail<error_details::RetryInfo>(Details(status), "RetryInfo");
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
}

TEST(ToGrpcStatus, ListsEveryViolation) {
  const grpc::Status status =
      ToGrpcStatus(base::InvalidFields({{"backend.url", "no scheme"}, {"backend.weight", "-1"}}));
  const auto bad = Detail<error_details::BadRequest>(Details(status), "BadRequest");
  ASSERT_EQ(bad.field_violations_size(), 2);
  EXPECT_EQ(bad.field_violations(1).field(), "backend.weight");
  EXPECT_EQ(bad.field_violations(0).description(), "no scheme");
}

// What the peer counts: base64 and percent encoding included.
size_t OnTheWire(const grpc::Status& status) {
  return (status.error_details().size() + 2) / 3 * 4 + status.error_message().size() * 3;
}

TEST(ToGrpcStatus, StaysBelowTheMetadataLimitAndSaysWhatIsMissing) {
  std::vector<base::Violation> violations;
  for (int i = 0; i < 2000; ++i) {
    violations.push_back({"mutations[" + std::to_string(i) + "].upsert_backend.url",
                          "'ftp://x' is neither http nor https"});
  }
  const grpc::Status status = ToGrpcStatus(base::InvalidFields(violations));
  EXPECT_LT(OnTheWire(status), 8192u - 200);
  const int sent =
      Detail<error_details::BadRequest>(Details(status), "BadRequest").field_violations_size();
  EXPECT_GT(sent, 20);
  EXPECT_THAT(status.error_message(),
              HasSubstr("[2000 violations, the first " + std::to_string(sent) + " are listed]"));
}

TEST(ToGrpcStatus, StaysBelowTheMetadataLimitWithHugeTexts) {
  std::string umlauts;
  for (int i = 0; i < 50'000; ++i) umlauts += "ü";
  base::Failure failure = base::InvalidFields({{umlauts, umlauts}, {"x" + umlauts, umlauts}});
  failure.message = umlauts;
  failure.retry_after = std::chrono::hours(1);
  for (int i = 0; i < 100; ++i) failure.metadata["key" + std::to_string(i)] = umlauts;
  const grpc::Status status = ToGrpcStatus(failure);
  EXPECT_LT(OnTheWire(status), 8192u - 200);
  // Cut between characters, or protobuf would not take it.
  const auto info = Detail<error_details::ErrorInfo>(Details(status), "ErrorInfo");
  EXPECT_EQ(info.metadata().at("key0").substr(info.metadata().at("key0").size() - 5), "ü...");
}

}  // namespace
}  // namespace vllm_router::admin
