// Which headers a callback sees and may change: CallbackHeaderRules with its defaults filled in,
// and the fields that are protected or credentials whatever a registration says (see HeaderMutation
// in callback.proto). Immutable; thread-safe.
//
// Names come in any case. CGI-style servers read '_' as '-', so for protection, credentials and the
// deny lists a name is what it would become there; an allow list means what it says.
#ifndef SERVER_CALLBACKS_HEADER_RULES_H_
#define SERVER_CALLBACKS_HEADER_RULES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/router.pb.h"

namespace vllm_router::callbacks {

enum class HeaderPlace : uint8_t { kRequest, kAnswer };

class HeaderRules {
 public:
  explicit HeaderRules(const v1::CallbackHeaderRules& rules);

  // The field may travel to the service, of a request as of an answer.
  bool MayTravel(std::string_view name) const;

  // Why the service may not set, append or remove the field, as the end of a sentence that begins
  // with its name ("is protected"); empty: it may. The text is a constant.
  std::string_view WhyNotChangeable(std::string_view name, HeaderPlace place) const;

 private:
  // In lower case; `prefix`: followed by anything.
  struct Pattern {
    std::string text;
    bool prefix = false;
  };
  using Patterns = std::vector<Pattern>;

  static Patterns Parse(const google::protobuf::RepeatedPtrField<std::string>& patterns);
  static bool Matches(const Patterns& patterns, std::string_view lower_name);

  Patterns forward_allow_;
  Patterns forward_deny_;
  Patterns mutate_allow_;
  Patterns mutate_deny_;
  bool mutate_all_ = false;  // no mutate_allow: everything
  bool credentials_ = false;
};

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_HEADER_RULES_H_
