// A configuration file's text as a tree of plain values that know where they stand. Strict, so that
// a file means one thing only: a key given twice, control characters and, in YAML, anchors,
// aliases, tags and further documents are errors. Bounded, because the file may be made by a
// program: see kMaxDocumentBytes and kMaxDocumentDepth. Pure functions; any thread.
#ifndef SERVER_APP_DOCUMENT_H_
#define SERVER_APP_DOCUMENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vllm_router::app {

inline constexpr size_t kMaxDocumentBytes = size_t{1} << 20;
inline constexpr size_t kMaxDocumentDepth = 64;

enum class DocumentFormat : uint8_t { kYaml, kJson };

struct DocumentNode {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  bool quoted = false;  // of a scalar: it is text, whatever it looks like
  size_t line = 1;      // both from 1
  size_t column = 1;
  std::string text;                 // of a scalar, as it is written; never with control characters
  std::vector<DocumentNode> keys;   // of a map: distinct scalars, ...
  std::vector<DocumentNode> items;  // ... and the value of each; or of a list
};

// An empty text is kNull. `origin` is the file's name for the InvalidArgumentError:
// "router.yaml:3:5: ...".
absl::StatusOr<DocumentNode> ParseDocument(std::string_view text, DocumentFormat format,
                                           std::string_view origin);

absl::Status DocumentError(std::string_view origin, size_t line, size_t column,
                           std::string_view what);

// For ParseDocument alone, which checks what both have in common.
absl::StatusOr<DocumentNode> ParseYaml(std::string_view text, std::string_view origin);
absl::StatusOr<DocumentNode> ParseJson(std::string_view text, std::string_view origin);

}  // namespace vllm_router::app

#endif  // SERVER_APP_DOCUMENT_H_
