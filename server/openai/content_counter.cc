#include "server/openai/content_counter.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace vllm_router::openai {
namespace {

constexpr std::array<std::string_view, 8> kMembers = {
    "\"content\":",  // chat
    "\"delta\":",    // responses
    "\"text\":",     // completions, messages
    "\"reasoning\":", "\"reasoning_content\":", "\"arguments\":",
    "\"thinking\":",  "\"partial_json\":"};

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// A member with content begins at `at`.
bool MemberAt(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(std::min(at, text.size()));
  for (const std::string_view member : kMembers) {
    if (!StartsWith(rest, member)) continue;
    size_t value = member.size();
    while (value < rest.size() && rest[value] == ' ') ++value;
    return value + 1 < rest.size() && rest[value] == '"' && rest[value + 1] != '"';
  }
  return false;
}

// Where such a member begins; npos when there is none.
size_t FindMember(std::string_view text) {
  for (size_t at = text.find('"'); at != std::string_view::npos; at = text.find('"', at + 1)) {
    if (MemberAt(text, at)) return at;
  }
  return std::string_view::npos;
}

// Engines put the usage last: a search through the text of each token would cost too much.
bool MayEndWithUsage(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line.size() >= 2 && line.substr(line.size() - 2) == "}}";
}

bool NamesRepetition(std::string_view event_line) {
  constexpr std::string_view kDelta = "delta";
  if (!event_line.empty() && event_line.back() == '\r') event_line.remove_suffix(1);
  return event_line.size() < kDelta.size() ||
         event_line.substr(event_line.size() - kDelta.size()) != kDelta;
}

}  // namespace

uint64_t ContentCounter::Feed(std::string_view bytes, UsageScanner* usage) {
  uint64_t events = 0;
  while (!bytes.empty()) {
    const void* lf = std::memchr(bytes.data(), '\n', bytes.size());
    if (lf == nullptr) {
      usage->Feed(bytes);
      return events + (PartOfLine(bytes) ? 1 : 0);
    }
    const auto length = static_cast<size_t>(static_cast<const char*>(lf) - bytes.data());
    const std::string_view line = bytes.substr(0, length);
    bytes.remove_prefix(length + 1);
    if (in_line_) {
      usage->Feed(line);
      if (PartOfLine(line)) ++events;
      EndCutLine();
    } else if (WholeLine(line, usage)) {
      ++events;
    }
  }
  return events;
}

bool ContentCounter::WholeLine(std::string_view line, UsageScanner* usage) {
  if (line.empty() || line == "\r") {
    EndEvent();
  } else if (StartsWith(line, "data:")) {
    const bool counts = Counts(line);
    if (!counts || MayEndWithUsage(line)) usage->Feed(line);
    return counts;
  } else if (StartsWith(line, "event:")) {
    repeats_ = NamesRepetition(line);
  }
  return false;
}

bool ContentCounter::Counts(std::string_view data) {
  if (counted_ || repeats_) return false;
  if (!MemberAt(data, hint_)) {
    const size_t found = FindMember(data);
    if (found == std::string_view::npos) return false;
    hint_ = found;
  }
  return counted_ = true;
}

bool ContentCounter::PartOfLine(std::string_view part) {
  if (!in_line_) {
    in_line_ = true;
    start_size_ = tail_size_ = 0;
  }
  const size_t to_start = std::min(part.size(), kStart - start_size_);
  std::copy_n(part.data(), to_start, start_ + start_size_);
  start_size_ = static_cast<uint8_t>(start_size_ + to_start);

  // What the cut went through is put together: the end of what was before and the beginning of this
  // part.
  std::array<char, 2 * kTail> seam;
  const size_t head = std::min(part.size(), kTail);
  std::copy_n(tail_, tail_size_, seam.data());
  std::copy_n(part.data(), head, seam.data() + tail_size_);
  const std::string_view around(seam.data(), tail_size_ + head);
  const bool counts =
      StartsWith({start_, start_size_}, "data:") && (Counts(around) || Counts(part));

  const std::string_view end = part.size() >= kTail ? part : around;
  tail_size_ = static_cast<uint8_t>(std::min(end.size(), kTail));
  std::copy_n(end.data() + end.size() - tail_size_, tail_size_, tail_);
  return counts;
}

void ContentCounter::EndCutLine() {
  in_line_ = false;
  const std::string_view start(start_, start_size_);
  if (start == "\r") EndEvent();
  if (StartsWith(start, "event:")) repeats_ = NamesRepetition({tail_, tail_size_});
}

}  // namespace vllm_router::openai
