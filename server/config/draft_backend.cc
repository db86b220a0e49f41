#include "server/config/draft_backend.h"

#include <google/protobuf/util/time_util.h>

#include <string>

#include "server/config/diff.h"

namespace vllm_router::config {
namespace {

bool IsDiscovered(v1::BackendSource source) {
  return source == v1::BACKEND_SOURCE_K8S || source == v1::BACKEND_SOURCE_FILE;
}

bool SameModels(const v1::Backend& a, const v1::Backend& b) {
  if (a.models_size() != b.models_size()) return false;
  for (int i = 0; i < a.models_size(); ++i) {
    if (a.models(i).model() != b.models(i).model() || a.models(i).alias() != b.models(i).alias()) {
      return false;
    }
  }
  return true;
}

base::Failure Owned(const v1::Backend& backend, std::string_view field) {
  const bool k8s = backend.source() == v1::BACKEND_SOURCE_K8S;
  return base::SourceOwned(backend.name(), k8s ? "k8s" : "file", field);
}

}  // namespace

void BeginDrain(const v1::DrainOptions& options, const google::protobuf::Timestamp& now,
                bool then_delete, v1::Backend& backend) {
  using google::protobuf::util::TimeUtil;
  v1::DrainStatus& drain = *backend.mutable_status()->mutable_drain();
  // One that runs goes on since when it began.
  if (!drain.has_start_time()) *drain.mutable_start_time() = now;
  if (backend.admin_state() != v1::ADMIN_STATE_DISABLED) {
    backend.set_admin_state(v1::ADMIN_STATE_DRAINING);
  }
  drain.clear_deadline_time();
  if (options.has_deadline()) *drain.mutable_deadline_time() = now + options.deadline();
  drain.set_on_deadline(options.on_deadline());
  drain.set_delete_when_done(then_delete);
}

void FollowAdminState(const google::protobuf::Timestamp& now, v1::Backend& backend) {
  const bool active = backend.admin_state() == v1::ADMIN_STATE_ACTIVE ||
                      backend.admin_state() == v1::ADMIN_STATE_UNSPECIFIED;
  if (active) {
    backend.clear_status();
  } else if (!backend.status().drain().has_start_time()) {
    *backend.mutable_status()->mutable_drain()->mutable_start_time() = now;
  }
}

bool KeepSecret(const v1::Backend& before, v1::Backend& after) {
  if (after.api_key().inline_key() != kHiddenSecret) return true;
  if (before.api_key().inline_key().empty()) return false;
  after.mutable_api_key()->set_inline_key(before.api_key().inline_key());
  return true;
}

std::optional<base::Failure> SourceOwned(const v1::Backend& before,
                                         const std::optional<v1::Backend>& after) {
  if (!IsDiscovered(before.source())) return std::nullopt;
  if (!after) return Owned(before, "");
  if (!SameModels(before, *after)) return Owned(before, "models");
  if (before.model_type() != after->model_type()) return Owned(before, "model_type");
  return std::nullopt;
}

}  // namespace vllm_router::config
