// What a child process prints, cut into lines of a bounded length for the log. One thread.
#ifndef SERVER_CALLBACKS_HOST_OUTPUT_H_
#define SERVER_CALLBACKS_HOST_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace vllm_router::callbacks {

class HostOutput {
 public:
  // The rest of a longer line is dropped, and its length told.
  static constexpr size_t kMaxLineBytes = 2048;

  using Emit = absl::FunctionRef<void(std::string_view line)>;
  // `emit` gets each line that is complete, without its end and as it came; empty ones are left
  // out.
  void Add(std::string_view bytes, Emit emit);
  // What has no end yet is a line.
  void End(Emit emit);

 private:
  void Take(std::string_view piece);
  void Flush(Emit emit);

  std::string line_;
  uint64_t dropped_ = 0;  // bytes of it
};

// `line` with what could confuse a terminal or a reader of the log escaped: control characters,
// line separators, bytes that are no UTF-8. Unlike base::Printable it leaves quotes and backslashes
// as they are, for people to read and copy.
std::string ForLog(std::string_view line);

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_HOST_OUTPUT_H_
