#include "server/callbacks/body_rule.h"

#include <algorithm>

namespace vllm_router::callbacks {
namespace {

constexpr uint64_t kDefaultMaxBytes = 1u << 20;

BodyRule MakeRule(const v1::Callback& callback, v1::BodyMode mode) {
  BodyRule rule;
  if (mode != v1::BODY_MODE_UNSPECIFIED) rule.mode = mode;
  rule.max_bytes = callback.has_max_body_bytes() ? callback.max_body_bytes() : kDefaultMaxBytes;
  if (callback.over_limit() != v1::OVER_LIMIT_UNSPECIFIED) rule.over_limit = callback.over_limit();
  return rule;
}

}  // namespace

BodyVerdict BodyRule::Judge(uint64_t total_bytes) const {
  if (mode != v1::BODY_MODE_FULL || total_bytes <= max_bytes) return BodyVerdict::kSend;
  switch (over_limit) {
    case v1::OVER_LIMIT_SKIP:
      return BodyVerdict::kSkip;
    case v1::OVER_LIMIT_DENY:
      return BodyVerdict::kDeny;
    default:
      return BodyVerdict::kSend;
  }
}

uint64_t BodyRule::BytesToSend(uint64_t total_bytes) const {
  if (mode == v1::BODY_MODE_NONE || Judge(total_bytes) != BodyVerdict::kSend) return 0;
  return std::min(total_bytes, max_bytes);
}

void BodyRule::Describe(uint64_t total_bytes, v1::BodyContent* out) const {
  out->set_mode(mode);
  out->set_total_bytes(total_bytes);
  out->set_truncated(mode != v1::BODY_MODE_NONE && BytesToSend(total_bytes) < total_bytes);
}

void BodyRule::Fill(std::string_view data, uint64_t total_bytes, v1::BodyContent* out) const {
  const size_t bytes = std::min<uint64_t>(data.size(), BytesToSend(total_bytes));
  out->set_mode(mode);
  out->set_data(data.data(), bytes);
  out->set_total_bytes(total_bytes);
  out->set_truncated(mode != v1::BODY_MODE_NONE && bytes < total_bytes);
}

BodyRule RequestBodyRule(const v1::Callback& callback) {
  return MakeRule(callback, callback.request_body_mode());
}

BodyRule ResponseBodyRule(const v1::Callback& callback) {
  BodyRule rule = MakeRule(callback, callback.response_body_mode());
  if (rule.over_limit == v1::OVER_LIMIT_DENY) rule.over_limit = v1::OVER_LIMIT_SKIP;
  return rule;
}

}  // namespace vllm_router::callbacks
