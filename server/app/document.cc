#include "server/app/document.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

using Kind = DocumentNode::Kind;

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

absl::Status CheckText(const DocumentNode& node, std::string_view origin) {
  if (std::none_of(node.text.begin(), node.text.end(), IsControl)) return absl::OkStatus();
  return DocumentError(
      origin, node.line, node.column,
      absl::StrFormat("'%s' holds a control character", base::Printable(node.text)));
}

absl::Status CheckNode(const DocumentNode& node, std::string_view origin) {
  absl::flat_hash_set<absl::string_view> seen;
  for (const DocumentNode& key : node.keys) {
    ROUTER_RETURN_IF_ERROR(CheckText(key, origin));
    if (!seen.insert(base::AbslView(key.text)).second) {
      return DocumentError(origin, key.line, key.column,
                           absl::StrFormat("'%s' is given twice", base::Printable(key.text)));
    }
  }
  ROUTER_RETURN_IF_ERROR(CheckText(node, origin));
  for (const DocumentNode& item : node.items) ROUTER_RETURN_IF_ERROR(CheckNode(item, origin));
  return absl::OkStatus();
}

}  // namespace

absl::Status DocumentError(std::string_view origin, size_t line, size_t column,
                           std::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat("%s:%d:%d: %s", origin, line, column, what));
}

absl::StatusOr<DocumentNode> ParseDocument(std::string_view text, DocumentFormat format,
                                           std::string_view origin) {
  if (text.size() > kMaxDocumentBytes) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: it is larger than %d bytes", origin, kMaxDocumentBytes));
  }
  ROUTER_ASSIGN_OR_RETURN(DocumentNode root, format == DocumentFormat::kYaml
                                                 ? ParseYaml(text, origin)
                                                 : ParseJson(text, origin));
  ROUTER_RETURN_IF_ERROR(CheckNode(root, origin));
  return root;
}

}  // namespace vllm_router::app
