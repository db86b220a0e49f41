// A configuration as it is kept from one generation to the next: immutable, and sharing with the
// generation before it every resource that did not change. A change of one backend among thousands
// then costs one backend, and what is the same object need not be compared.
//
// config() shows it as the message that everybody else reads. Its lists hold the shared resources
// themselves, not copies: the message lives on an arena, whose lists do not own their elements, and
// the vectors beside it do.
//
// Immutable and thread-safe; lives as long as somebody holds a DocumentPtr or a ConfigPtr of it.
#ifndef SERVER_CONFIG_DOCUMENT_H_
#define SERVER_CONFIG_DOCUMENT_H_

#include <google/protobuf/arena.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "proto/router.pb.h"

namespace vllm_router::config {

template <typename Resource>
using SharedList = std::vector<std::shared_ptr<const Resource>>;

// What a document is put together from. No pointer is null.
struct DocumentParts {
  uint64_t generation = 0;
  SharedList<v1::Backend> backends;
  SharedList<v1::RoutingPolicy> routing_policies;
  SharedList<v1::Callback> callbacks;
  SharedList<v1::ModelAlias> model_aliases;
  v1::Limits limits;
};

class Document {
 public:
  explicit Document(DocumentParts parts);
  explicit Document(v1::Config config);
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  const v1::Config& config() const { return *config_; }
  const DocumentParts& parts() const { return parts_; }

 private:
  const DocumentParts parts_;
  google::protobuf::Arena arena_;
  const v1::Config* const config_;  // on arena_
};
using DocumentPtr = std::shared_ptr<const Document>;

using ConfigPtr = std::shared_ptr<const v1::Config>;
// Keeps the whole document.
inline ConfigPtr ConfigOf(const DocumentPtr& document) { return {document, &document->config()}; }

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_DOCUMENT_H_
