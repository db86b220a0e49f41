#include "server/admin/role_file.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace vllm_router::admin {
namespace {

constexpr std::string_view kSan = "san:";
constexpr size_t kMaxName = 256;

bool SoundName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

absl::StatusOr<std::shared_ptr<const RoleFile>> RoleFile::Parse(std::string_view path,
                                                                std::string_view text) {
  auto result = std::make_shared<RoleFile>();
  for (const base::WordLine& line : base::WordLines(text)) {
    if (const std::string wrong = result->AddLine(line.words); !wrong.empty()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: line %d: %s", path, line.number, wrong));
    }
  }
  if (result->tokens_.empty() && result->names_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: it holds neither a token nor a certificate's name", path));
  }
  return result;
}

std::string RoleFile::AddLine(const std::vector<std::string_view>& words) {
  const bool san = words[0].substr(0, kSan.size()) == kSan;
  if (words.size() != (san ? 2u : 3u)) {
    return san ? "want 'san:<name of the certificate> <role>'"
               : "want '<name> <role> <SHA-256 of the token as 64 hex digits>'";
  }
  const std::string_view name = san ? words[0].substr(kSan.size()) : words[0];
  if (!SoundName(name)) return "the name has to be 1 to 256 printable ASCII characters";
  const std::optional<Role> role = ParseRole(words[1]);
  if (!role) return "the role has to be viewer, operator or admin";
  if (!san) return AddToken(name, *role, words[2]);
  const Identity identity{absl::StrFormat("san:%s", name), *role};
  const bool added = names_.emplace(name, identity).second;
  return added ? "" : absl::StrFormat("'%s' has a line already", identity.actor);
}

std::string RoleFile::AddToken(std::string_view name, Role role, std::string_view hex) {
  const std::optional<base::Digest> digest = base::ParseDigest(hex);
  if (!digest) return "the third word has to be the SHA-256 of the token as 64 hex digits";
  const bool added =
      tokens_.emplace(*digest, Identity{absl::StrFormat("token:%s", name), role}).second;
  return added ? "" : "this token has a line already";
}

const Identity* RoleFile::FindToken(std::string_view token) const {
  if (token.empty()) return nullptr;
  const auto found = tokens_.find(base::Sha256(token));
  return found == tokens_.end() ? nullptr : &found->second;
}

const Identity* RoleFile::FindName(std::string_view certificate_name) const {
  const auto found = names_.find(certificate_name);
  return found == names_.end() ? nullptr : &found->second;
}

}  // namespace vllm_router::admin
