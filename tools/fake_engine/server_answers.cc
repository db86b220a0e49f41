#include "tools/fake_engine/server_answers.h"

#include "server/base/strings.h"
#include "tools/fake_engine/engine.h"
#include "tools/fake_engine/text.h"

namespace vllm_router::fake_engine {
namespace {

// vLLM's model cards: the base model, then the others with it as their parent, as adapters are
// shown.
void AppendModels(Engine& engine, std::string* out) {
  const Options& options = engine.options();
  const auto created = static_cast<uint64_t>(base::UnixSeconds(engine.loop().wall_now()));
  Append(out, R"({"object":"list","data":[)");
  for (size_t i = 0; i < options.models.size(); ++i) {
    const std::string name = base::JsonEscape(options.models[i]);
    const std::string base_name = base::JsonEscape(options.models.front());
    Append(out, i == 0 ? "" : ",", R"({"id":")", name, R"(","object":"model","created":)", created,
           R"(,"owned_by":"vllm","root":")", name, R"(","parent":)");
    if (i == 0) {
      Append(out, "null");
    } else {
      Append(out, "\"", base_name, "\"");
    }
    Append(out, R"(,"max_model_len":)", options.max_model_len,
           R"(,"permission":[{"id":"modelperm-)");
    AppendHex16(out, Mix(HashText(name), 1));
    AppendHex16(out, Mix(HashText(name), 2));
    Append(
        out, R"(","object":"model_permission","created":)", created,
        R"(,"allow_create_engine":false,"allow_sampling":true,"allow_logprobs":true,)",
        R"("allow_search_indices":false,"allow_view":true,"allow_fine_tuning":false,"organization":"*",)",
        R"("group":null,"is_blocking":false}]})");
  }
  Append(out, "]}");
}

}  // namespace

ServerAnswer AnswerServerRequest(Engine& engine, const Request& request, std::string* body) {
  body->clear();
  Script& script = engine.script();
  switch (request.endpoint->api) {
    case Api::kModels:
      AppendModels(engine, body);
      return {};
    case Api::kVoices:
      body->assign(R"({"voices":["alloy","echo","nova"]})");
      return {};
    case Api::kHealth:
    case Api::kPing:
      return {.status = script.health_status, .content_type = ""};
    case Api::kVersion:
      body->assign(R"({"version":"0.0.0+fake"})");
      return {};
    case Api::kMetrics:
      AppendMetricsPage(engine.metrics(), engine.Gauges(), body);
      return {.content_type = "text/plain; version=0.0.4; charset=utf-8"};
    case Api::kSleep:
      script.sleeping = true;
      return {.content_type = ""};
    case Api::kWakeUp:
      script.sleeping = false;
      return {.content_type = ""};
    case Api::kIsSleeping:
      Append(body, R"({"is_sleeping":)", script.sleeping ? "true}" : "false}");
      return {};
    default:
      return AnswerFakeRequest(engine, request, body);
  }
}

}  // namespace vllm_router::fake_engine
