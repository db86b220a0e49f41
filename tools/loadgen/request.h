// Where to send, and what: the bytes of a whole request are made once and shared by all
// connections.
#ifndef TOOLS_LOADGEN_REQUEST_H_
#define TOOLS_LOADGEN_REQUEST_H_

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace vllm_router::loadgen {

struct Target {
  std::string host;  // without brackets
  uint16_t port = 0;
  std::string path;  // with the query; empty when the URL named none
  std::string authority;
};

// "http://host[:port][/path]"; IPv6 hosts in brackets. InvalidArgumentError says what is wrong.
absl::StatusOr<Target> ParseTarget(std::string_view url);

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// The first address that the resolver gives.
absl::StatusOr<Address> Resolve(const Target& target);

struct Header {
  std::string name;
  std::string value;
};

// "Name: value"; the name must be a token, the value free of control characters.
absl::StatusOr<Header> ParseHeader(std::string_view line);

// A POST with the fields that the OpenAI Python client sends; `extra` replaces those of the same
// name.
std::string MakePost(const Target& target, std::string_view body, const std::vector<Header>& extra);
std::string MakeGet(const Target& target, const std::vector<Header>& extra);

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_REQUEST_H_
