// The limit of open files: raised as far as it goes, and divided between clients and engines.
#ifndef SERVER_APP_FILE_LIMIT_H_
#define SERVER_APP_FILE_LIMIT_H_

#include <cstdint>

namespace vllm_router::app {

// Raises the soft limit to the hard one and returns it.
uint64_t RaiseFileLimit();

// How many client connections `files` descriptors allow: each may need one towards an engine, and a
// reserve stays for everything else. At least 1.
int64_t ClientConnectionsFor(uint64_t files);

}  // namespace vllm_router::app

#endif  // SERVER_APP_FILE_LIMIT_H_
