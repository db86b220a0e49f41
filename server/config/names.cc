#include "server/config/names.h"

#include <algorithm>

#include "server/base/ids.h"
#include "server/base/utf8.h"

namespace vllm_router::config {
namespace {

constexpr size_t kMaxId = 128;
constexpr size_t kMaxModelName = 512;

bool IsAlphanumeric(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

}  // namespace

std::optional<std::string_view> IdIn(std::string_view collection, std::string_view name) {
  if (name.substr(0, collection.size()) != collection) return std::nullopt;
  return name.substr(collection.size());
}

bool IsId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxId && IsAlphanumeric(id.front()) &&
         std::all_of(id.begin(), id.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

bool IsModelName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxModelName && base::IsText(name);
}

std::string BackendNameFor(std::string_view url) {
  return std::string(kBackends) + base::UuidV5(url);
}

}  // namespace vllm_router::config
