#include "server/callbacks/facts.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::callbacks {
namespace {

using config::Proto;

const HeaderRules kRules{v1::CallbackHeaderRules()};

TEST(Facts, HoldWhatMayTravel) {
  const std::vector<HeaderLine> lines = {{"X-Tenant", "blue"},
                                         {"Authorization", "Bearer sk"},
                                         {"X-Tenant", "\xFFraw"},
                                         {"Cookie", "a=b"}};
  v1::RequestFacts facts;
  FillFacts({.http_request_id = "r-1",
             .method = "POST",
             .path = "/v1/x",
             .query = "a=%41",
             .client_address = "127.0.0.1:1",
             .headers = lines,
             .model = "alias",
             .resolved_model = "m",
             .stream = true,
             .session_id = "s",
             .received = base::WallTime(std::chrono::milliseconds(1500)),
             .generation = 7},
            kRules, &facts);
  EXPECT_EQ(facts.headers_size(), 2);
  EXPECT_EQ(facts.headers(0).name(), "x-tenant");
  EXPECT_EQ(facts.headers(1).value(), "\xFFraw");
  EXPECT_EQ(facts.resolved_model(), "m");
  EXPECT_EQ(facts.session_id(), "s");
  EXPECT_EQ(facts.receive_time().seconds(), 1);
  EXPECT_EQ(facts.receive_time().nanos(), 500'000'000);
  EXPECT_EQ(facts.generation(), 7u);
}

// protobuf refuses strings that are not UTF-8, on this side or on the service's.
TEST(Facts, AreUtf8WhateverTheClientSends) {
  v1::RequestFacts facts;
  FillFacts({.path = "/v1/\xFF\xC3\xA9", .query = "q=\x80"}, kRules, &facts);
  EXPECT_EQ(facts.path(), "/v1/%FF\xC3\xA9");
  EXPECT_EQ(facts.query(), "q=%80");
}

TEST(Facts, AMessageAroundABodyIsTheMessageWithIt) {
  for (const size_t bytes : {0u, 1u, 127u, 128u, 70'000u}) {
    v1::PreRequestRequest expected;
    expected.set_callback("callbacks/guard");
    v1::RequestFacts& facts = *expected.mutable_request();
    FillFacts({.http_request_id = "r-1", .path = "/v1/x", .model = "m", .generation = 300}, kRules,
              &facts);
    v1::BodyContent body = Proto<v1::BodyContent>("mode: BODY_MODE_FULL truncated: true");
    body.set_total_bytes(bytes + 5);
    const SplitMessage split = SplitAroundBody("callbacks/guard", facts, body, bytes);
    body.set_data(std::string(bytes, 'd'));
    *facts.mutable_body() = body;
    v1::PreRequestRequest sent;
    ASSERT_TRUE(sent.ParseFromString(split.before + std::string(bytes, 'd') + split.behind));
    EXPECT_EQ(sent.SerializeAsString(), expected.SerializeAsString()) << bytes;
  }
}

TEST(Facts, TheEndHasTheAnswersHeaderLines) {
  v1::PostRequestRequest message;
  FillEnd({.cause = v1::REQUEST_CAUSE_COMPLETED,
           .status = 200,
           .backend_id = "b",
           .backend_url = "http://e:1",
           .attempts = 2,
           .first_byte = std::chrono::milliseconds(3),
           .total = std::chrono::seconds(2),
           .output_tokens = 5,
           .answer_head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: 1: 2\r\n"
                          "Set-Cookie: s\r\n\r\nX-Body: 3\r\n"},
          kRules, &message);
  EXPECT_EQ(message.backend(), "backends/b");
  ASSERT_EQ(message.response_headers_size(), 2);
  EXPECT_EQ(message.response_headers(0).name(), "content-type");
  EXPECT_EQ(message.response_headers(1).value(), "1: 2");
  EXPECT_EQ(message.timings().first_byte().nanos(), 3'000'000);
  EXPECT_FALSE(message.timings().has_routed());
  EXPECT_EQ(message.tokens().output(), 5u);
  EXPECT_FALSE(message.tokens().has_input());
}

TEST(Facts, EveryCauseHasWords) {
  for (int cause = 1; v1::RequestCause_IsValid(cause); ++cause) {
    EXPECT_NE(CauseMessage(static_cast<v1::RequestCause>(cause)), "") << cause;
  }
  EXPECT_EQ(CauseMessage(v1::REQUEST_CAUSE_UNSPECIFIED), "");
}

TEST(Facts, AVerdictIsTakenOutOfTheMessage) {
  EXPECT_EQ(ToVerdict({}).kind, Verdict::Kind::kProceed);
  const Verdict changes = ToVerdict(Proto<v1::PreRequestResponse>(
      "proceed { header_mutations { name: 'a' value: '1' } "
      "header_mutations { action: ACTION_REMOVE name: 'b' } body: '' }"));
  EXPECT_EQ(changes.kind, Verdict::Kind::kProceed);
  ASSERT_EQ(changes.headers.size(), 2u);
  EXPECT_EQ(changes.headers[0].action, HeaderChange::Action::kSet);
  EXPECT_EQ(changes.headers[1].action, HeaderChange::Action::kRemove);
  EXPECT_EQ(changes.body, "") << "set and empty is an empty body";
  EXPECT_FALSE(changes.model.has_value());
  const Verdict answer =
      ToVerdict(Proto<v1::PreRequestResponse>("answer { status: 418 body: 'tea' }"));
  EXPECT_EQ(answer.kind, Verdict::Kind::kAnswer);
  EXPECT_EQ(answer.status, 418);
  EXPECT_EQ(answer.answer_body, "tea");
}

}  // namespace
}  // namespace vllm_router::callbacks
