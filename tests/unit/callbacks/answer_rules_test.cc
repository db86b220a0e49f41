#include "server/callbacks/answer_rules.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/unit/config/proto_text.h"

namespace vllm_router::callbacks {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr AnsweredRequest kWhole = {.whole_body = true, .max_body_bytes = 1000};

// "" for an answer that keeps the rules.
std::string Broken(const v1::PreRequestResponse& answer, const std::string& registration = "",
                   const AnsweredRequest& request = kWhole) {
  return BrokenRule(answer, Registration(config::Proto<v1::Callback>(registration)), request)
      .value_or("");
}
std::string Broken(const std::string& answer, const std::string& registration = "",
                   const AnsweredRequest& request = kWhole) {
  return Broken(config::Proto<v1::PreRequestResponse>(answer), registration, request);
}

struct Case {
  std::string answer;
  std::string broken;  // how the message begins; empty: keeps the rules
  std::string registration;
};

class AnswerRule : public testing::TestWithParam<Case> {};

TEST_P(AnswerRule, IsHeld) {
  const Case& c = GetParam();
  const std::string broken = Broken(c.answer, c.registration);
  if (c.broken.empty()) {
    EXPECT_EQ(broken, "") << c.answer;
  } else {
    EXPECT_THAT(broken, StartsWith(c.broken)) << c.answer;
  }
}

Case Change(const std::string& mutation, const std::string& broken,
            const std::string& registration = "") {
  return {"proceed { header_mutations { " + mutation + " } }", broken, registration};
}

INSTANTIATE_TEST_SUITE_P(
    OfChanges, AnswerRule,
    testing::Values(
        Case{"", "", ""}, Case{"proceed {}", "", ""},
        Change("name: 'X-Tenant' value: 'a\\tb \\303\\244'", ""),
        Change("name: 'x-a' action: ACTION_APPEND", ""),
        Change("name: 'x-a' action: ACTION_REMOVE value: 'ig\\nnored'", ""),
        Change("name: 'Host' value: 'evil'", "proceed.header_mutations[0]: 'Host' is protected"),
        Change("name: 'Host' action: ACTION_REMOVE",
               "proceed.header_mutations[0]: 'Host' is protected"),
        Change("name: 'authorization'",
               "proceed.header_mutations[0]: 'authorization' is a credential"),
        Change("name: 'authorization'", "", "header_rules { allow_credentials: true }"),
        Change("name: 'x-b'", "proceed.header_mutations[0]: 'x-b' is not in mutate_allow",
               "header_rules { mutate_allow: 'x-a*' }"),
        Change("name: 'x-b'", "proceed.header_mutations[0]: 'x-b' is in mutate_deny",
               "header_rules { mutate_deny: 'x-*' }"),
        Change("name: ''", "proceed.header_mutations[0]: '' is no field name"),
        Change("name: 'a b'", "proceed.header_mutations[0]: 'a b' is no field name"),
        Change("name: ':path'", "proceed.header_mutations[0]: ':path' is no field name"),
        Change("name: 'x\\n'", "proceed.header_mutations[0]: 'x\\n' is no field name"),
        Change("name: 'x-a' value: 'a\\r\\nb: c'",
               "proceed.header_mutations[0]: the value of 'x-a' has control characters"),
        Change("name: 'x-a' value: 'a\\nb'", "proceed.header_mutations[0]: the value of 'x-a'"),
        Change("name: 'x-a' value: 'a\\000b'", "proceed.header_mutations[0]: the value of 'x-a'"),
        Change("name: 'x-a' action: 7", "proceed.header_mutations[0]: 7 is no action"),
        Case{"proceed { model: 'llama' }", "", ""},
        Case{"proceed { model: '' }", "proceed.model: '' is no name of a model", ""},
        Case{"proceed { model: 'a\\nb' }", "proceed.model: 'a\\nb' is no name", ""},
        Case{"proceed { body: '{}' }", "", ""}, Case{"proceed { body: '' }", "", ""},
        Case{"proceed { body: '{}' model: 'm' }", "proceed.model: not together with a body", ""},
        Case{"proceed { body: '12345' }", "proceed.body: 5 bytes, at most 4",
             "max_body_bytes: 4"}));

INSTANTIATE_TEST_SUITE_P(
    OfAnswers, AnswerRule,
    testing::Values(Case{"answer { status: 418 body: 'I\\'m a teapot' headers { name: 'set-cookie' "
                         "action: ACTION_APPEND value: 'a=b' } }",
                         "", ""},
                    Case{"answer { status: 200 }", "", ""}, Case{"answer { status: 599 }", "", ""},
                    Case{"answer {}", "answer.status: 0 is not in 200 to 599", ""},
                    Case{"answer { status: 199 }", "answer.status: 199", ""},
                    Case{"answer { status: 600 }", "answer.status: 600", ""},
                    Case{"answer { status: 200 }", "answer: the registration does not allow_answer",
                         "header_rules { allow_answer: false }"},
                    Case{"answer { status: 200 headers { name: 'a' action: ACTION_REMOVE } }",
                         "answer.headers[0]: an answer has nothing to REMOVE", ""},
                    Case{"answer { status: 200 headers { name: 'a' } headers { name: 'Server' } }",
                         "answer.headers[1]: 'Server' is protected", ""},
                    Case{"answer { status: 200 headers { name: 'content-length' value: '3' } }",
                         "answer.headers[0]: 'content-length' is protected", ""}));

TEST(AnswerRules, LetOnlyWholeBodiesBeReplaced) {
  const std::string answer = "proceed { body: '{}' }";
  EXPECT_THAT(Broken(answer, "", {.whole_body = false, .max_body_bytes = 1000}),
              StartsWith("proceed.body: the service did not get the whole body"));
  EXPECT_EQ(Broken(answer, "", kWhole), "");

  EXPECT_TRUE(IsWholeBody(config::Proto<v1::BodyContent>("mode: BODY_MODE_FULL data: 'a'")));
  EXPECT_FALSE(IsWholeBody(config::Proto<v1::BodyContent>("mode: BODY_MODE_TRUNCATED")));
  EXPECT_FALSE(IsWholeBody(config::Proto<v1::BodyContent>("mode: BODY_MODE_NONE")));
  EXPECT_FALSE(IsWholeBody(config::Proto<v1::BodyContent>("mode: BODY_MODE_FULL truncated: true")));
}

TEST(AnswerRules, BoundAReplacedBodyByTheRoutersLimit) {
  v1::PreRequestResponse answer;
  answer.mutable_proceed()->set_body(std::string(1000, ' '));
  EXPECT_EQ(Broken(answer), "");
  answer.mutable_proceed()->set_body(std::string(1001, ' '));
  EXPECT_EQ(Broken(answer), "proceed.body: 1001 bytes, at most 1000");
}

TEST(AnswerRules, LetNoModelBeReplacedInMultipart) {
  EXPECT_EQ(Broken("proceed { model: 'm' }", "", {.multipart = true}),
            "proceed.model: not for multipart bodies");
}

TEST(AnswerRules, BoundTheNumberOfHeaderChanges) {
  v1::PreRequestResponse answer;
  for (int i = 0; i < 64; ++i) answer.mutable_proceed()->add_header_mutations()->set_name("x-a");
  EXPECT_EQ(Broken(answer), "");
  answer.mutable_proceed()->add_header_mutations()->set_name("x-a");
  EXPECT_EQ(Broken(answer), "proceed.header_mutations are 65: at most 64");
}

TEST(AnswerRules, BoundTheBytesOfHeaderChanges) {
  v1::PreRequestResponse answer;
  answer.mutable_answer()->set_status(200);
  v1::HeaderMutation* header = answer.mutable_answer()->add_headers();
  header->set_name("x-a");
  header->set_value(std::string((16 << 10) - 3, 'v'));
  EXPECT_EQ(Broken(answer), "");
  header->set_name("x-ab");
  EXPECT_EQ(Broken(answer), "answer.headers hold 16385 bytes of names and values: at most 16384");
}

TEST(AnswerRules, BoundTheBodyOfAnAnswer) {
  v1::PreRequestResponse answer;
  answer.mutable_answer()->set_status(200);
  answer.mutable_answer()->set_body(std::string(1 << 20, 'b'));
  EXPECT_EQ(Broken(answer), "");
  answer.mutable_answer()->mutable_body()->push_back('b');
  EXPECT_EQ(Broken(answer), "answer.body: 1048577 bytes, at most 1048576");
}

TEST(AnswerRules, NeverRepeatAValue) {
  EXPECT_THAT(Broken("proceed { header_mutations { name: 'x-a' value: 'secret\\n' } }"),
              AllOf(HasSubstr("x-a"), Not(HasSubstr("secret"))));
}

}  // namespace
}  // namespace vllm_router::callbacks
