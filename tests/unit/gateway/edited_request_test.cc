#include "server/gateway/edited_request.h"

#include <string>

#include "gtest/gtest.h"
#include "server/gateway/answer_fields.h"

namespace vllm_router::gateway {
namespace {

using callbacks::HeaderChange;
using Action = HeaderChange::Action;

EditedRequest Edited(const std::string& text) {
  http::RequestHead head;
  EXPECT_EQ(http::ParseRequestHead(text, &head), nullptr);
  return {head, text.data()};
}

std::string Lines(const EditedRequest& request) {
  std::string lines;
  for (const http::Field& field : request.head().fields) {
    lines.append(field.name.In(request.base())).append("=");
    lines.append(field.value.In(request.base())).append(";");
  }
  return lines;
}

constexpr char kHead[] =
    "POST /v1/x?q=1 HTTP/1.1\r\nHost: r\r\nX-A: 1\r\nConnection: close, X-B\r\nx-b: 2\r\nX-A: "
    "3\r\n\r\n";

TEST(EditedRequest, IsTheRequestWithoutWhatBelongsToTheConnection) {
  const EditedRequest request = Edited(kHead);
  EXPECT_EQ(request.head().path.In(request.base()), "/v1/x");
  EXPECT_EQ(request.head().query.In(request.base()), "q=1");
  EXPECT_EQ(request.head().method, http::Method::kPost);
  EXPECT_EQ(Lines(request), "Host=r;X-A=1;X-A=3;");
  EXPECT_FALSE(request.body().has_value());
}

TEST(EditedRequest, SetsAppendsAndRemovesWithoutRegardToCase) {
  EditedRequest request = Edited(kHead);
  request.Change({{Action::kAppend, "x-a", "4"}});
  EXPECT_EQ(Lines(request), "Host=r;X-A=1;X-A=3;x-a=4;");
  request.Change({{Action::kSet, "x-A", "5"}, {Action::kAppend, "New", "6"}});
  EXPECT_EQ(Lines(request), "Host=r;x-A=5;New=6;");
  request.Change({{Action::kRemove, "NEW", ""}, {Action::kRemove, "absent", ""}});
  EXPECT_EQ(Lines(request), "Host=r;x-A=5;");
}

TEST(EditedRequest, KnowsTheFieldsThatItGets) {
  EditedRequest request = Edited(kHead);
  request.Change({{Action::kSet, "Content-Encoding", "gzip"}});
  ASSERT_NE(request.head().Find(http::FieldId::kContentEncoding), nullptr);
}

TEST(EditedRequest, ACopyStandsForItself) {
  EditedRequest request = Edited(kHead);
  EditedRequest copy(request);
  copy.Change({{Action::kSet, "X-A", std::string(5000, 'x')}});
  copy.set_body("new");
  EXPECT_EQ(Lines(request), "Host=r;X-A=1;X-A=3;");
  EXPECT_FALSE(request.body().has_value());
  EXPECT_EQ(copy.body(), "new");
}

TEST(AnswerFields, TheLastContentTypeCountsAndSetReplaces) {
  const AnswerFields plain({});
  EXPECT_EQ(plain.content_type(), "text/plain; charset=utf-8");
  EXPECT_EQ(plain.lines(), "");
  const AnswerFields fields({{Action::kSet, "X-A", "1"},
                             {Action::kSet, "x-a", "2"},
                             {Action::kAppend, "Set-Cookie", "a"},
                             {Action::kAppend, "Set-Cookie", "b"},
                             {Action::kSet, "content-Type", "application/json"}});
  EXPECT_EQ(fields.content_type(), "application/json");
  EXPECT_EQ(fields.lines(), "x-a: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n");
}

}  // namespace
}  // namespace vllm_router::gateway
