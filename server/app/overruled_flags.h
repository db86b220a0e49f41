// Which flags the configuration took over, and which of them it contradicts by now. Pure functions.
#ifndef SERVER_APP_OVERRULED_FLAGS_H_
#define SERVER_APP_OVERRULED_FLAGS_H_

#include <string>
#include <string_view>
#include <vector>

#include "proto/router.pb.h"
#include "server/app/flags_given.h"

namespace vllm_router::app {

// The configuration holds what this flag ("session_key") says.
bool SeedsConfiguration(std::string_view flag);

// The titles ("--session-key") of the flags that were given and say another thing than the
// configuration that is in force.
std::vector<std::string> OverruledFlags(const std::vector<FlagValue>& flags, const v1::Config& seed,
                                        const v1::Config& in_force);

}  // namespace vllm_router::app

#endif  // SERVER_APP_OVERRULED_FLAGS_H_
