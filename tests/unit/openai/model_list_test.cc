#include "server/openai/model_list.h"

#include "gtest/gtest.h"

namespace vllm_router::openai {
namespace {

ModelCard Card(std::string id, int64_t created) {
  ModelCard card;
  card.id = std::move(id);
  card.created = created;
  return card;
}

TEST(ModelList, IsEmptyWithoutCards) {
  EXPECT_EQ(ModelListBody({}), R"({"object":"list","data":[]})");
}

TEST(ModelList, KeepsTheOrderAndTheFirstCardOfAnId) {
  EXPECT_EQ(
      ModelListBody({Card("b", 1), Card("a", 2), Card("b", 3)}),
      R"({"object":"list","data":[)"
      R"({"id":"b","object":"model","created":1,"owned_by":"vllm","root":null,"parent":null},)"
      R"({"id":"a","object":"model","created":2,"owned_by":"vllm","root":null,"parent":null}]})");
}

TEST(ModelList, ShowsOwnerRootAndParentOfACard) {
  ModelCard card = Card("lora", 1'700'000'000);
  card.owned_by = "acme";
  card.root = "/models/lora";
  card.parent = "base";
  EXPECT_EQ(ModelBody(card),
            R"({"id":"lora","object":"model","created":1700000000,"owned_by":"acme",)"
            R"("root":"/models/lora","parent":"base"})");
}

TEST(ModelList, EscapesNames) {
  ModelCard card = Card("a\"\\\n\xFF", 0);
  card.owned_by = "\"";
  card.root = "\"";
  card.parent = "";
  EXPECT_EQ(ModelBody(card),
            "{\"id\":\"a\\\"\\\\\\n\xEF\xBF\xBD\",\"object\":\"model\",\"created\":0,"
            "\"owned_by\":\"\\\"\",\"root\":\"\\\"\",\"parent\":\"\"}");
}

TEST(EngineList, ListsEnginesAsABareArray) {
  EXPECT_EQ(EngineListBody({}), "[]");
  const std::vector<std::string> models = {"a", "b\""};
  EXPECT_EQ(EngineListBody({{"id-1", models, 7}, {"id-2", {}, 8}}),
            R"([{"engine_id":"id-1","serving_models":["a","b\""],"created":7},)"
            R"({"engine_id":"id-2","serving_models":[],"created":8}])");
}

}  // namespace
}  // namespace vllm_router::openai
