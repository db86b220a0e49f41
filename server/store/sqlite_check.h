// Whether an existing state.db may be opened. Looks at everything in it and changes nothing, not
// even by leaving a log beside it or by taking one over: what is wrong with a file that is refused
// can be found out later.
#ifndef SERVER_STORE_SQLITE_CHECK_H_
#define SERVER_STORE_SQLITE_CHECK_H_

#include "absl/status/status.h"
#include "server/store/state_directory.h"

namespace vllm_router::store {

// Refused: FAILED_PRECONDITION when it is no state database of this version, DATA_LOSS when it is
// damaged. UNAVAILABLE when it cannot be read, or another process holds it. The message is for the
// operator and names the file.
absl::Status CheckDatabase(const StateDirectory& directory);

}  // namespace vllm_router::store

#endif  // SERVER_STORE_SQLITE_CHECK_H_
