#include "server/openai/model_list.h"

#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::openai {
namespace {

void AppendString(std::string_view text, std::string* out) {
  out->append(1, '"').append(base::JsonEscape(text)).append(1, '"');
}

void AppendStringOrNull(const std::optional<std::string>& text, std::string* out) {
  if (text) {
    AppendString(*text, out);
  } else {
    out->append("null");
  }
}

// The separator before every element but the first.
void AppendComma(bool* first, std::string* out) {
  if (!*first) out->append(1, ',');
  *first = false;
}

void AppendCard(const ModelCard& card, std::string* out) {
  out->append("{\"id\":");
  AppendString(card.id, out);
  absl::StrAppendFormat(out, ",\"object\":\"model\",\"created\":%d,\"owned_by\":", card.created);
  AppendString(card.owned_by, out);
  out->append(",\"root\":");
  AppendStringOrNull(card.root, out);
  out->append(",\"parent\":");
  AppendStringOrNull(card.parent, out);
  out->append(1, '}');
}

void AppendEngine(const EngineCard& engine, std::string* out) {
  out->append("{\"engine_id\":");
  AppendString(engine.engine_id, out);
  out->append(",\"serving_models\":[");
  bool first = true;
  for (const std::string& model : engine.serving_models) {
    AppendComma(&first, out);
    AppendString(model, out);
  }
  absl::StrAppend(out, "],\"created\":", engine.created, "}");
}

}  // namespace

std::string ModelListBody(absl::Span<const ModelCard> cards) {
  std::string out = "{\"object\":\"list\",\"data\":[";
  absl::flat_hash_set<std::string_view> seen;
  bool first = true;
  for (const ModelCard& card : cards) {
    if (!seen.insert(card.id).second) continue;
    AppendComma(&first, &out);
    AppendCard(card, &out);
  }
  out.append("]}");
  return out;
}

std::string ModelBody(const ModelCard& card) {
  std::string out;
  AppendCard(card, &out);
  return out;
}

std::string EngineListBody(absl::Span<const EngineCard> engines) {
  std::string out = "[";
  bool first = true;
  for (const EngineCard& engine : engines) {
    AppendComma(&first, &out);
    AppendEngine(engine, &out);
  }
  out.append(1, ']');
  return out;
}

}  // namespace vllm_router::openai
