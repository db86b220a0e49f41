// Where lines of a log end up: a file that is followed by its name, or a descriptor of the process.
// A line that cannot be written is lost and counted, and never in the way of the next one.
//
// Writes wait for a disk. One thread at a time.
#ifndef SERVER_BASE_LINE_OUTPUT_H_
#define SERVER_BASE_LINE_OUTPUT_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

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
  // Appends to the file of that name, which is made if it is not there; the error names it. A file
  // that was renamed or removed (logrotate) is made anew with the next lines. A pipe without a
  // reader is no error: it is opened when it has one. A full one loses lines.
  static absl::StatusOr<std::unique_ptr<LineOutput>> Open(std::string path, mode_t mode = 0640);
  ~LineOutput();
  LineOutput(const LineOutput&) = delete;
  LineOutput& operator=(const LineOutput&) = delete;

  // `lines` are whole ones. Returns what of them is lost.
  LostLines Write(std::string_view lines);
  // Why it could not be opened or written the last time; 0 when it could.
  int error() const { return error_; }

 private:
  LineOutput(std::string path, mode_t mode) : path_(std::move(path)), mode_(mode) {}

  // Reopens when the name leads elsewhere. False, with the error set: there is nothing to write to.
  bool FollowPath();
  // Removes from `bytes` what has been written.
  void WriteSome(std::string_view* bytes);

  const std::string path_;  // empty: a descriptor of somebody else
  const mode_t mode_ = 0;
  int fd_ = -1;
  int error_ = 0;
  bool torn_ = false;  // the last line lacks its end
};

}  // namespace vllm_router::base

#endif  // SERVER_BASE_LINE_OUTPUT_H_
