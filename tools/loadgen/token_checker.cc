#include "tools/loadgen/token_checker.h"

#include <charconv>
#include <cstring>

namespace vllm_router::loadgen {
namespace {

// The number behind `"key":`, with or without a space. Looks for bytes, not for JSON: an engine's
// text would have its quotes escaped.
std::optional<int64_t> NumberAfter(std::string_view line, std::string_view quoted_key) {
  const void* found = ::memmem(line.data(), line.size(), quoted_key.data(), quoted_key.size());
  if (found == nullptr) return std::nullopt;
  const char* at = static_cast<const char*>(found) + quoted_key.size();
  const char* end = line.data() + line.size();
  while (at < end && (*at == ' ' || *at == ':')) ++at;
  int64_t value = 0;
  if (std::from_chars(at, end, value).ec != std::errc()) return std::nullopt;
  return value;
}

// Role, finish reason and usage come in events of their own, without text.
bool HasText(std::string_view line) {
  for (const std::string_view key : {"\"content\":", "\"text\":"}) {
    const size_t found = line.find(key);
    if (found == line.npos) continue;
    std::string_view value = line.substr(found + key.size());
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (value.size() > 1 && value[0] == '"' && value[1] != '"') return true;
  }
  return false;
}

}  // namespace

void TokenChecker::Reset() {
  part_.clear();
  tokens_ = next_seq_ = missing_ = reordered_ = error_events_ = 0;
  done_ = false;
}

void TokenChecker::Feed(std::string_view payload, TokenSink& sink) {
  while (!payload.empty()) {
    const size_t end = payload.find('\n');
    if (end == payload.npos) {
      part_.append(payload);
      return;
    }
    if (part_.empty()) {
      TakeLine(payload.substr(0, end), sink);
    } else {
      part_.append(payload.substr(0, end));
      TakeLine(part_, sink);
      part_.clear();
    }
    payload.remove_prefix(end + 1);
  }
}

void TokenChecker::TakeLine(std::string_view line, TokenSink& sink) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!line.starts_with("data:")) return;
  line.remove_prefix(5);
  if (line.starts_with(' ')) line.remove_prefix(1);
  if (line == "[DONE]") {
    done_ = true;
    return;
  }
  if (line.starts_with("{\"error\"")) {
    ++error_events_;
    return;
  }
  const std::optional<int64_t> seq = NumberAfter(line, "\"seq\"");
  if (seq && *seq >= 0) TakeStamp(static_cast<uint64_t>(*seq));
  if (!seq && !HasText(line)) return;
  ++tokens_;
  sink.OnToken(seq ? NumberAfter(line, "\"sent_ns\"") : std::nullopt);
}

void TokenChecker::TakeStamp(uint64_t seq) {
  if (seq < next_seq_) {
    ++reordered_;
    return;
  }
  missing_ += seq - next_seq_;
  next_seq_ = seq + 1;
}

void TokenChecker::Finish(uint64_t expected) {
  const uint64_t came = next_seq_ > 0 ? next_seq_ : tokens_;
  if (came < expected) missing_ += expected - came;
}

}  // namespace vllm_router::loadgen
