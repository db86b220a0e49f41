#include "tools/loadgen/model_names.h"

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::loadgen {

ModelNames::ModelNames(std::string_view model, uint64_t count)
    : model_(model),
      count_(count),
      digits_(std::to_string(count - 1).size()),
      member_(absl::StrFormat(R"("model":"%s-)", base::JsonEscape(model))) {}

std::string ModelNames::Name(uint64_t index) const {
  return absl::StrFormat("%s-%0*d", model_, static_cast<int>(digits_), index);
}

void ModelNames::Put(uint64_t index, std::string* request) const {
  // The last one: what stands in the text of a message comes before.
  const size_t found = request->rfind(member_);
  if (found == std::string::npos) return;
  const size_t begin = found + member_.size();
  uint64_t rest = index % count_;
  for (size_t at = begin + digits_; at-- > begin; rest /= 10) {
    (*request)[at] = static_cast<char>('0' + rest % 10);
  }
}

}  // namespace vllm_router::loadgen
