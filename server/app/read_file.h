// Reading a small file whole. Any thread.
#ifndef SERVER_APP_READ_FILE_H_
#define SERVER_APP_READ_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace vllm_router::app {

// What is read at most: no file of keys, certificates or settings is near it.
inline constexpr size_t kMaxFileBytes = size_t{16} << 20;

// The error names the file and why.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace vllm_router::app

#endif  // SERVER_APP_READ_FILE_H_
