// Files that say whom a secret belongs to without holding it: each line is a few words, one of them
// the SHA-256 of the secret in hex. Blank lines and those that begin with '#' say nothing.
// Stateless; thread-safe.
#ifndef SERVER_BASE_DIGEST_LINES_H_
#define SERVER_BASE_DIGEST_LINES_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace vllm_router::base {

struct WordLine {
  int number = 0;  // in the file, from 1
  std::vector<std::string_view> words;
};
// The lines that say something; views into `text`.
std::vector<WordLine> WordLines(std::string_view text);

using Digest = std::array<uint8_t, 32>;
Digest Sha256(std::string_view secret);
// nullopt: not 64 hex digits.
std::optional<Digest> ParseDigest(std::string_view hex);

}  // namespace vllm_router::base

#endif  // SERVER_BASE_DIGEST_LINES_H_
