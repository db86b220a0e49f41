// From what was typed to the flag that is meant. Any thread.
#ifndef SERVER_APP_FLAGS_NAMES_H_
#define SERVER_APP_FLAGS_NAMES_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/app/flags_spec.h"

namespace vllm_router::app {

struct NamedFlag {
  const FlagSpec* spec = nullptr;
  std::string warning;  // when the abbreviation needs one
};

// `typed` is "--name", without a value; underscores count as dashes. An exact name wins; otherwise
// a prefix that fits one flag, as argparse has it. A prefix that fits one flag of the original and
// others of ours means the original's, so that its command lines go on working, with a warning.
// InvalidArgumentError lists what fits, or the nearest name.
absl::StatusOr<NamedFlag> FindFlag(std::string_view typed);

// The flag whose name with underscores is exactly this, nullptr if there is none.
const FlagSpec* FindKey(std::string_view name);

// The title ("--port") nearest to `typed` in single-character edits, "" when none is near.
std::string NearestFlag(std::string_view typed);

}  // namespace vllm_router::app

#endif  // SERVER_APP_FLAGS_NAMES_H_
