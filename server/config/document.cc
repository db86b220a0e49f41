#include "server/config/document.h"

#include <utility>

namespace vllm_router::config {
namespace {

template <typename Resource>
void Show(const SharedList<Resource>& from, google::protobuf::RepeatedPtrField<Resource>* to) {
  to->Reserve(static_cast<int>(from.size()));
  for (const auto& resource : from) {
    // The list wants to be able to change it; nobody ever gets the list to do so.
    to->UnsafeArenaAddAllocated(const_cast<Resource*>(resource.get()));
  }
}

const v1::Config* Show(const DocumentParts& parts, google::protobuf::Arena* arena) {
  auto* config = google::protobuf::Arena::CreateMessage<v1::Config>(arena);
  config->set_generation(parts.generation);
  Show(parts.backends, config->mutable_backends());
  Show(parts.routing_policies, config->mutable_routing_policies());
  Show(parts.callbacks, config->mutable_callbacks());
  Show(parts.model_aliases, config->mutable_model_aliases());
  *config->mutable_limits() = parts.limits;
  return config;
}

template <typename Resource>
SharedList<Resource> TakeApart(google::protobuf::RepeatedPtrField<Resource>* list) {
  SharedList<Resource> shared;
  shared.reserve(static_cast<size_t>(list->size()));
  for (Resource& resource : *list) {
    shared.push_back(std::make_shared<const Resource>(std::move(resource)));
  }
  return shared;
}

DocumentParts TakeApart(v1::Config config) {
  return {.generation = config.generation(),
          .backends = TakeApart(config.mutable_backends()),
          .routing_policies = TakeApart(config.mutable_routing_policies()),
          .callbacks = TakeApart(config.mutable_callbacks()),
          .model_aliases = TakeApart(config.mutable_model_aliases()),
          .limits = std::move(*config.mutable_limits())};
}

}  // namespace

Document::Document(DocumentParts parts)
    : parts_(std::move(parts)), config_(Show(parts_, &arena_)) {}

Document::Document(v1::Config config) : Document(TakeApart(std::move(config))) {}

}  // namespace vllm_router::config
