// JSON by simdjson's on-demand parser, which knows where it is in the text.
#include <simdjson.h>

#include "absl/strings/str_format.h"
#include "server/app/document.h"
#include "server/base/status.h"

namespace vllm_router::app {
namespace {

namespace ondemand = simdjson::ondemand;
using Kind = DocumentNode::Kind;

class Builder {
 public:
  Builder(const simdjson::padded_string& text, std::string_view origin)
      : text_(text), origin_(origin) {}

  absl::StatusOr<DocumentNode> Build() {
    if (const auto error = parser_.iterate(text_).get(document_)) {
      // The text as a whole: bad UTF-8, a control character in a string, a string without end.
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: it is not valid JSON: %s", origin_, simdjson::error_message(error)));
    }
    DocumentNode root;
    ROUTER_RETURN_IF_ERROR(BuildRoot(&root));
    const char* behind = nullptr;
    if (document_.current_location().get(behind) == simdjson::SUCCESS) {
      return WrongAt(behind, "something follows behind the end");
    }
    return root;
  }

 private:
  // A scalar at the top is not reached through a value.
  absl::Status BuildRoot(DocumentNode* node) {
    ondemand::json_type type;
    if (const auto error = document_.type().get(type)) return Wrong(error);
    if (type != ondemand::json_type::object && type != ondemand::json_type::array) {
      return WrongAt(Here(), "it is no object");
    }
    ondemand::value value;
    if (const auto error = document_.get_value().get(value)) return Wrong(error);
    return BuildNode(value, 1, node);
  }

  absl::Status BuildNode(ondemand::value value, size_t depth, DocumentNode* node) {
    const char* const at = value.raw_json_token().data();
    Place(at, node);
    ondemand::json_type type;
    if (const auto error = value.type().get(type)) return Wrong(error);
    const bool nests = type == ondemand::json_type::object || type == ondemand::json_type::array;
    if (nests && depth > kMaxDocumentDepth) {
      return WrongAt(at, absl::StrFormat("it is nested more than %d deep", kMaxDocumentDepth));
    }
    switch (type) {
      case ondemand::json_type::object:
        return BuildMap(value, depth, node);
      case ondemand::json_type::array:
        return BuildList(value, depth, node);
      default:
        return BuildScalar(value, type, node);
    }
  }

  absl::Status BuildMap(ondemand::value& value, size_t depth, DocumentNode* node) {
    node->kind = Kind::kMap;
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return Wrong(error);
    for (auto next : object) {
      ondemand::field field;
      if (const auto error = std::move(next).get(field)) return Wrong(error);
      DocumentNode& key = node->keys.emplace_back();
      key.kind = Kind::kScalar;
      key.quoted = true;
      Place(field.key().raw() - 1, &key);  // with its quote
      std::string_view name;
      if (const auto error = field.unescaped_key().get(name)) return Wrong(error);
      key.text = name;
      ROUTER_RETURN_IF_ERROR(BuildNode(field.value(), depth + 1, &node->items.emplace_back()));
    }
    return absl::OkStatus();
  }

  absl::Status BuildList(ondemand::value& value, size_t depth, DocumentNode* node) {
    node->kind = Kind::kList;
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return Wrong(error);
    for (auto next : array) {
      if (next.error() != simdjson::SUCCESS) return Wrong(next.error());
      ROUTER_RETURN_IF_ERROR(
          BuildNode(next.value_unsafe(), depth + 1, &node->items.emplace_back()));
    }
    return absl::OkStatus();
  }

  absl::Status BuildScalar(ondemand::value& value, ondemand::json_type type, DocumentNode* node) {
    node->kind = Kind::kScalar;
    simdjson::error_code error = simdjson::SUCCESS;
    if (type == ondemand::json_type::string) {
      std::string_view text;
      error = value.get_string().get(text);
      node->quoted = true;
      node->text = text;
    } else if (type == ondemand::json_type::number) {
      node->text = WithoutSpace(value.raw_json_token());
      error = value.get_double().error();
    } else if (type == ondemand::json_type::boolean) {
      bool is_true = false;
      error = value.get_bool().get(is_true);
      node->text = is_true ? "true" : "false";
    } else {
      bool is_null = false;
      error = value.is_null().get(is_null);
      if (!is_null) error = simdjson::N_ATOM_ERROR;
      node->kind = Kind::kNull;
    }
    return error == simdjson::SUCCESS ? absl::OkStatus() : Wrong(error);
  }

  // A raw token runs up to the next one.
  static std::string_view WithoutSpace(std::string_view token) {
    return token.substr(0, token.find_first_of(" \t\r\n"));
  }

  // Goes on from the last place, so that all of them together cost one pass over the text.
  void Place(const char* at, DocumentNode* node) {
    const size_t offset = OffsetOf(at);
    if (offset < counted_) counted_ = lines_ = line_begin_ = 0;
    for (; counted_ < offset; ++counted_) {
      if (text_.data()[counted_] != '\n') continue;
      ++lines_;
      line_begin_ = counted_ + 1;
    }
    node->line = lines_ + 1;
    node->column = offset - line_begin_ + 1;
  }
  size_t OffsetOf(const char* at) const {
    const char* const begin = text_.data();
    return at < begin || at > begin + text_.size() ? text_.size() : static_cast<size_t>(at - begin);
  }
  const char* Here() {
    const char* at = nullptr;
    return document_.current_location().get(at) == simdjson::SUCCESS ? at
                                                                     : text_.data() + text_.size();
  }
  absl::Status WrongAt(const char* at, std::string_view what) {
    DocumentNode place;
    Place(at, &place);
    return DocumentError(origin_, place.line, place.column, what);
  }
  absl::Status Wrong(simdjson::error_code error) {
    return WrongAt(Here(),
                   absl::StrFormat("it is not valid JSON: %s", simdjson::error_message(error)));
  }

  const simdjson::padded_string& text_;
  const std::string_view origin_;
  ondemand::parser parser_;
  ondemand::document document_;
  size_t counted_ = 0;  // bytes that lines_ and line_begin_ speak of
  size_t lines_ = 0;
  size_t line_begin_ = 0;
};

}  // namespace

absl::StatusOr<DocumentNode> ParseJson(std::string_view text, std::string_view origin) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return DocumentNode{};
  const simdjson::padded_string padded(text);
  return Builder(padded, origin).Build();
}

}  // namespace vllm_router::app
