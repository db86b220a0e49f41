// Earlier generations, read from the store. Any thread; `done` runs on the store's thread.
#ifndef SERVER_CONTROL_REVISIONS_H_
#define SERVER_CONTROL_REVISIONS_H_

#include <cstdint>
#include <functional>

#include "proto/router.pb.h"
#include "server/base/failure.h"
#include "server/control/authority.h"
#include "server/store/store.h"

namespace vllm_router::control {

// The configuration of a kept generation, secrets included. REVISION_NOT_FOUND, STATE_STORE_FAILED.
void ReadFormer(store::Store& store, uint64_t generation,
                std::function<void(base::Outcome<ConfigPtr>)> done);

// A kept generation with its content, secrets hidden, and its difference from the one before, if
// that is kept too. Errors as for ReadFormer.
void ReadRevision(store::Store& store, uint64_t generation,
                  std::function<void(base::Outcome<v1::Revision>)> done);

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_REVISIONS_H_
