// Where lines of a log end up: a file that is followed by its name, or a descriptor of the process.
// A line that cannot be written is lost and counted, and never in the way of the next one.
//
// Writes wait for a disk. One thread at a time.
#ifndef SERVER_BASE_LINE_OUTPUT_H_
#define SERVER_BASE_LINE_OUTPUT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace vllm_router::base {

struct LostLines {
  uint64_t lines = 0;
  uint64_t bytes = 0;
};
// All of them.
LostLines AllOf(std::string_view lines);

class LineOutput {
 public:
  // Does not own `fd`.
  explicit LineOutput(int fd) : fd_(fd) {}
  // Appends to the file of that name, which is made (mode 0640) if it is not there; the error names
  // it. A file that was renamed or removed (logrotate) is made anew with the next lines. A pipe
  // without a reader is no error: it is opened when it has one. A full one loses lines.
  static absl::StatusOr<std::unique_ptr<LineOutput>> Open(std::string path);
  ~LineOutput();
  LineOutput(const LineOutput&) = delete;
  LineOutput& operator=(const LineOutput&) = delete;

  // `lines` are whole ones. Returns what of them is lost.
  LostLines Write(std::string_view lines);

 private:
  explicit LineOutput(std::string path) : path_(std::move(path)) {}

  // Reopens when the name leads elsewhere; 0 or errno.
  int FollowPath();
  // Removes from `bytes` what has been written.
  void WriteSome(std::string_view* bytes);

  const std::string path_;  // empty: a descriptor of somebody else
  int fd_ = -1;
  bool torn_ = false;  // the last line lacks its end
};

}  // namespace vllm_router::base

#endif  // SERVER_BASE_LINE_OUTPUT_H_
