#include "server/gateway/answer_fields.h"

#include "server/base/strings.h"
#include "server/gateway/answer.h"

namespace vllm_router::gateway {

using callbacks::HeaderChange;

AnswerFields::AnswerFields(const std::vector<HeaderChange>& headers) {
  std::vector<const HeaderChange*> kept;
  for (const HeaderChange& header : headers) {
    if (header.action == HeaderChange::Action::kSet) {
      std::erase_if(kept, [&](const HeaderChange* other) {
        return base::EqualsIgnoreCase(other->name, header.name);
      });
    }
    kept.push_back(&header);
  }
  for (const HeaderChange* header : kept) {
    if (base::EqualsIgnoreCase(header->name, "content-type")) {
      content_type_ = header->value;
    } else {
      AppendField(lines_, header->name, header->value);
    }
  }
}

}  // namespace vllm_router::gateway
