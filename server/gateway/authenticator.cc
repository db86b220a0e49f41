#include "server/gateway/authenticator.h"

#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::gateway {

absl::StatusOr<std::shared_ptr<const Authenticator>> Authenticator::Parse(std::string_view text) {
  auto result = std::make_shared<Authenticator>();
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = base::TrimOws(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (!line.empty() && line.back() == '\r') line = base::TrimOws(line.substr(0, line.size() - 1));
    if (line.empty() || line.front() == '#') continue;
    const size_t gap = line.find_first_of(" \t");
    const std::string_view name = line.substr(0, gap);
    const std::string_view hex =
        gap == std::string_view::npos ? "" : base::TrimOws(line.substr(gap));
    const bool sound = hex.size() == 64 &&
                       hex.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    if (!sound) {
      return absl::InvalidArgumentError(
          absl::StrFormat("line %d: want '<name> <SHA-256 of the key as 64 hex digits>'", number));
    }
    const std::string bytes = absl::HexStringToBytes(base::AbslView(hex));
    Digest digest;
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    if (const auto [it, added] = result->names_.emplace(digest, name); !added) {
      return absl::InvalidArgumentError(
          absl::StrFormat("line %d: the key of '%s' is that of '%s' again", number,
                          base::Printable(name), base::Printable(it->second)));
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
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  const auto found = names_.find(digest);
  return found == names_.end() ? nullptr : &found->second;
}

}  // namespace vllm_router::gateway
