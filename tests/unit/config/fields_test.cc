#include "server/config/fields.h"

#include <gmock/gmock.h>

#include "tests/unit/config/proto_text.h"

namespace vllm_router::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

google::protobuf::FieldMask Mask(std::initializer_list<const char*> paths) {
  google::protobuf::FieldMask mask;
  for (const char* path : paths) mask.add_paths(path);
  return mask;
}

std::vector<base::Violation> Merge(const google::protobuf::FieldMask& mask,
                                   const google::protobuf::Message& source,
                                   google::protobuf::Message& target) {
  std::vector<base::Violation> violations;
  MergeByMask(mask, source, target, Checker("", &violations));
  return violations;
}

TEST(MergeByMask, CopiesNamedFieldsAndUnsetsWhatTheSourceLacks) {
  const auto source = Proto<v1::RoutingPolicy>(
      R"(session { } failover { max_attempts: 0 } timeouts { connect { seconds: 1 } })");
  auto target = Proto<v1::RoutingPolicy>(
      R"(name: "routing" etag: "e" round_robin { } session_key: "k"
         failover { max_attempts: 3 retry_budget_percent: 7 } timeouts { first_byte { seconds: 2 } })");
  EXPECT_THAT(
      Merge(Mask({"session", "session_key", "failover.max_attempts", "timeouts"}), source, target),
      IsEmpty());
  EXPECT_EQ(target.DebugString(), Proto<v1::RoutingPolicy>(
                                      R"(name: "routing" etag: "e" session { }
                   failover { max_attempts: 0 retry_budget_percent: 7 }
                   timeouts { connect { seconds: 1 } })")
                                      .DebugString());
  EXPECT_TRUE(target.failover().has_max_attempts()) << "zero is not the same as unset";
}

TEST(MergeByMask, RefusesPathsThatDoNotExistOrAreNotForCallers) {
  const v1::Backend source;
  v1::Backend target;
  const auto violations =
      Merge(Mask({"nope", "tls.nope", "models.model", "label.x", "name", "status", "generation"}),
            source, target);
  std::vector<std::string> texts;
  for (const auto& v : violations) texts.push_back(v.field + ": " + v.description);
  EXPECT_THAT(texts, ElementsAre("update_mask: 'nope' is no field of Backend",
                                 HasSubstr("'tls.nope' is no field"), HasSubstr("'models.model'"),
                                 HasSubstr("'label.x'"), HasSubstr("'name' is not for callers"),
                                 HasSubstr("'status'"), HasSubstr("'generation'")));
}

TEST(MaskOfSetFields, NamesWhatIsSetAndMayChange) {
  const auto backend = Proto<v1::Backend>(
      R"(name: "backends/a" etag: "e" label: "l" weight: 0 generation: 3 status { in_flight: 1 })");
  EXPECT_THAT(MaskOfSetFields(backend).paths(), ElementsAre("label", "weight"));
}

TEST(ClearOutputs, LeavesWhatCallersSet) {
  auto backend = Proto<v1::Backend>(
      R"(name: "backends/a" etag: "e" label: "l" source: BACKEND_SOURCE_K8S generation: 3
         status { in_flight: 1 } create_time { seconds: 1 } update_time { seconds: 1 })");
  ClearOutputs(backend);
  EXPECT_EQ(backend.DebugString(),
            Proto<v1::Backend>(R"(name: "backends/a" etag: "e" label: "l")").DebugString());
}

TEST(SameContent, OverlooksMarksOnly) {
  const auto a = Proto<v1::Backend>(R"(name: "backends/a" label: "l")");
  EXPECT_TRUE(SameContent(a, Proto<v1::Backend>(R"(name: "backends/a" label: "l" etag: "e"
                                                   generation: 2 update_time { seconds: 1 })")));
  EXPECT_FALSE(SameContent(a, Proto<v1::Backend>(R"(name: "backends/a" label: "x")")));
  EXPECT_FALSE(SameContent(a, Proto<v1::Backend>(R"(name: "backends/a" label: "l"
                                                    status { drain { overdue: true } })")));
}

}  // namespace
}  // namespace vllm_router::config
