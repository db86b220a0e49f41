// Page tokens and resume tokens: a position in a list, opaque to the caller and signed, so that
// what this process did not make is told apart from what it did.
//
// Immutable after construction; thread-safe.
#ifndef SERVER_ADMIN_OPAQUE_TOKEN_H_
#define SERVER_ADMIN_OPAQUE_TOKEN_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace vllm_router::admin {

class OpaqueTokens {
 public:
  // A key of its own for each object: make one per process.
  OpaqueTokens();

  // `kind` says which list ("audit"); `filter` is what else has to be the same when the token comes
  // back, in any form that does not change.
  // `tie_break`: tells entries of the same position apart.
  std::string Make(std::string_view kind, std::string_view filter, uint64_t position,
                   uint64_t tie_break = 0) const;

  enum class Verdict : uint8_t {
    kOurs,
    kOtherProcess,  // looks like one of another run of a router: a watch may begin anew
    kForeign,       // of another kind or filter, damaged or made up
  };
  struct Read {
    Verdict verdict;
    uint64_t position;  // of ours
    uint64_t tie_break;
  };
  Read Parse(std::string_view kind, std::string_view filter, std::string_view token) const;

 private:
  using Key = std::array<uint8_t, 32>;
  std::string Sign(std::string_view kind, std::string_view filter, std::string_view body) const;

  Key key_;
  std::string instance_;  // eight random bytes
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_OPAQUE_TOKEN_H_
