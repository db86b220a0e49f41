#include "tools/loadgen/tally.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "tools/loadgen/json_object.h"

namespace vllm_router::loadgen {
namespace {

constexpr std::array<std::string_view, kFailures> kNames = {
    "connect_refused", "connect", "reset", "closed_early", "truncated", "timeout", "malformed",
};

void AppendPart(uint64_t count, std::string_view what, std::string* out) {
  absl::StrAppendFormat(out, "%s%d x %s", out->empty() ? "" : ", ", count, what);
}

}  // namespace

std::string_view FailureName(Failure failure) { return kNames[static_cast<size_t>(failure)]; }

void Tally::Answer(int status) {
  ++statuses_[static_cast<size_t>(std::clamp(status, 0, kStatuses - 1))];
  ++(status >= 200 && status < 300 ? ok_ : not_ok_);
}

void Tally::Fail(Failure failure) {
  ++failures_[static_cast<size_t>(failure)];
  ++failed_;
}

std::string Tally::StatusesJson() const {
  JsonObject object;
  for (size_t status = 0; status < statuses_.size(); ++status) {
    if (statuses_[status] > 0) object.Count(std::to_string(status), statuses_[status]);
  }
  return object.str();
}

std::string Tally::FailuresJson() const {
  JsonObject object;
  for (size_t i = 0; i < kFailures; ++i) {
    if (failures_[i] > 0) object.Count(kNames[i], failures_[i]);
  }
  return object.str();
}

std::string Tally::FailuresText() const {
  std::string text;
  for (size_t status = 0; status < statuses_.size(); ++status) {
    const bool ok = status >= 200 && status < 300;
    if (statuses_[status] > 0 && !ok) {
      AppendPart(statuses_[status], absl::StrFormat("status %d", status), &text);
    }
  }
  for (size_t i = 0; i < kFailures; ++i) {
    if (failures_[i] > 0) AppendPart(failures_[i], kNames[i], &text);
  }
  return text.empty() ? "all ok" : text;
}

}  // namespace vllm_router::loadgen
