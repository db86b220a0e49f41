// Checksums (SHA-256) of what is on disk: a damaged row is recognised as such even where SQLite's
// own structures are intact.
#ifndef SERVER_STORE_CHECKSUM_H_
#define SERVER_STORE_CHECKSUM_H_

#include <string>

#include "server/store/store.h"

namespace vllm_router::store {

// 32 bytes over every field, each framed by its length.
std::string ChecksumOf(const Revision& revision);
std::string ChecksumOf(const Pending& pending);

}  // namespace vllm_router::store

#endif  // SERVER_STORE_CHECKSUM_H_
