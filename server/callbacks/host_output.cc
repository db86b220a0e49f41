#include "server/callbacks/host_output.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::callbacks {

void HostOutput::Add(std::string_view bytes, Emit emit) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    Take(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    Flush(emit);
    bytes.remove_prefix(end + 1);
  }
}

void HostOutput::End(Emit emit) { Flush(emit); }

void HostOutput::Take(std::string_view piece) {
  const size_t room = kMaxLineBytes - line_.size();
  line_ += piece.substr(0, room);
  dropped_ += piece.size() - std::min(piece.size(), room);
}

void HostOutput::Flush(Emit emit) {
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  if (!line_.empty()) {
    if (dropped_ > 0) line_ += absl::StrFormat("... (%d more bytes)", dropped_);
    emit(line_);
  }
  line_.clear();
  dropped_ = 0;
}

std::string ForLog(std::string_view line) {
  std::string out;
  out.reserve(line.size());
  while (!line.empty()) {
    const size_t end = std::min(line.find_first_of("\"\\"), line.size());
    base::AppendPrintable(line.substr(0, end), end, &out);
    if (end < line.size()) out.push_back(line[end]);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return out;
}

}  // namespace vllm_router::callbacks
