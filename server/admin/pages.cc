#include "server/admin/pages.h"

#include <utility>
#include <vector>

#include "absl/strings/str_format.h"

namespace vllm_router::admin {

base::Outcome<Pages::Page> Pages::Open(int32_t page_size, const std::string& page_token) const {
  std::vector<base::Violation> violations;
  if (page_size < 0 || page_size > kMaxSize) {
    violations.push_back(
        {"page_size", absl::StrFormat("%d is not allowed: 1 to %d", page_size, kMaxSize)});
  }
  Page page{.size = static_cast<uint64_t>(page_size == 0 ? kDefaultSize : page_size)};
  if (!page_token.empty()) {
    const OpaqueTokens::Read read = tokens_.Parse(kind_, filter_, page_token);
    if (read.verdict != OpaqueTokens::Verdict::kOurs) {
      violations.push_back({"page_token",
                            "is not one that this router made for a call with the same other "
                            "fields: begin with the first page"});
    }
    page.begin = read.position;
    page.tie_break = read.tie_break;
  }
  if (!violations.empty()) return base::InvalidFields(std::move(violations));
  return page;
}

}  // namespace vllm_router::admin
