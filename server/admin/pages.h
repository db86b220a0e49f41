// Pages of a list, one after the other by token (AIP-158). A position is an index: each page is a
// moment of its own.
#ifndef SERVER_ADMIN_PAGES_H_
#define SERVER_ADMIN_PAGES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "server/admin/opaque_token.h"
#include "server/base/failure.h"

namespace vllm_router::admin {

class Pages {
 public:
  static constexpr int32_t kDefaultSize = 100;
  static constexpr int32_t kMaxSize = 1000;

  // `tokens` outlives the object. `kind` and `filter`: see OpaqueTokens.
  Pages(const OpaqueTokens& tokens, std::string_view kind, std::string filter)
      : tokens_(tokens), kind_(kind), filter_(std::move(filter)) {}

  struct Page {
    uint64_t begin = 0;
    uint64_t tie_break = 0;
    uint64_t size = 0;
  };
  // INVALID_FIELDS for a size out of range and for a token that is not ours.
  base::Outcome<Page> Open(int32_t page_size, const std::string& page_token) const;
  // The token of the page from `next` on; "" when the list of `total` has ended by then.
  std::string TokenFor(uint64_t next, uint64_t total) const {
    return next >= total ? "" : tokens_.Make(kind_, filter_, next);
  }
  // The token of a position that is no index.
  std::string TokenAt(uint64_t position, uint64_t tie_break = 0) const {
    return tokens_.Make(kind_, filter_, position, tie_break);
  }

 private:
  const OpaqueTokens& tokens_;
  const std::string_view kind_;
  const std::string filter_;
};

// Copies one page of `items` with `copy(item)` for each and returns the token of the next one.
template <typename List, typename Copy>
std::string CutPage(const Pages& pages, const Pages::Page& page, const List& items, Copy copy) {
  const uint64_t total = static_cast<uint64_t>(items.size());
  uint64_t next = page.begin;
  for (; next < total && next < page.begin + page.size; ++next) {
    copy(*(items.begin() + static_cast<int64_t>(next)));
  }
  return pages.TokenFor(next, total);
}

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_PAGES_H_
