#include "server/gateway/authenticator.h"

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::gateway {

absl::StatusOr<std::shared_ptr<const Authenticator>> Authenticator::Parse(std::string_view text) {
  auto result = std::make_shared<Authenticator>();
  for (const auto& [number, words] : base::WordLines(text)) {
    const auto digest = words.size() == 2 ? base::ParseDigest(words[1]) : std::nullopt;
    if (!digest) {
      return absl::InvalidArgumentError(
          absl::StrFormat("line %d: want '<name> <SHA-256 of the key as 64 hex digits>'", number));
    }
    if (const auto [it, added] = result->names_.emplace(*digest, words[0]); !added) {
      return absl::InvalidArgumentError(
          absl::StrFormat("line %d: the key of '%s' is that of '%s' again", number,
                          base::Printable(words[0]), base::Printable(it->second)));
    }
  }
  if (result->names_.empty()) return absl::InvalidArgumentError("it holds no key");
  return result;
}

const std::string* Authenticator::Identify(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  if (!base::EqualsIgnoreCase(authorization.substr(0, kScheme.size()), kScheme)) return nullptr;
  return IdentifyKey(base::TrimOws(authorization.substr(kScheme.size())));
}

const std::string* Authenticator::IdentifyKey(std::string_view key) const {
  if (key.empty()) return nullptr;
  const auto found = names_.find(base::Sha256(key));
  return found == names_.end() ? nullptr : &found->second;
}

}  // namespace vllm_router::gateway
