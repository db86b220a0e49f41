#include "tools/fake_engine/multipart_scan.h"

#include <algorithm>

#include "server/base/strings.h"

namespace vllm_router::fake_engine {
namespace {

// The value of `name="..."` or `name=...` in a parameter list; empty if there is none.
std::string_view Parameter(std::string_view list, std::string_view name) {
  for (size_t at = list.find(';'); at != std::string_view::npos; at = list.find(';', at + 1)) {
    std::string_view rest = base::TrimOws(list.substr(at + 1));
    if (rest.size() <= name.size() || !base::EqualsIgnoreCase(rest.substr(0, name.size()), name) ||
        rest[name.size()] != '=') {
      continue;
    }
    rest.remove_prefix(name.size() + 1);
    if (!rest.empty() && rest.front() == '"') return rest.substr(1, rest.find('"', 1) - 1);
    return base::TrimOws(rest.substr(0, rest.find(';')));
  }
  return {};
}

}  // namespace

void MultipartScan::Begin(std::string_view content_type, BodyFacts* facts) {
  facts_ = facts;
  const std::string_view boundary = Parameter(content_type, "boundary");
  delimiter_.assign("\r\n--");
  delimiter_.append(boundary);
  // The first delimiter may stand at the very start: as if a line end had come before it.
  window_.assign("\r\n");
  state_ = boundary.empty() ? State::kBroken : State::kPreamble;
}

void MultipartScan::Feed(std::string_view piece) {
  if (state_ == State::kDone || state_ == State::kBroken) return;
  window_.append(piece);
  while (Step()) {
  }
}

// Deals with one syntactic element; false when it needs more bytes or the body has ended.
bool MultipartScan::Step() {
  switch (state_) {
    case State::kPreamble:
    case State::kPartBody: {
      const size_t at = window_.find(delimiter_);
      const size_t keep = std::min(window_.size(), delimiter_.size() - 1);
      const size_t bytes = at == std::string::npos ? window_.size() - keep : at;
      if (state_ == State::kPartBody) PartBytes(std::string_view(window_).substr(0, bytes));
      if (at == std::string::npos) {
        window_.erase(0, bytes);
        return false;
      }
      if (state_ == State::kPartBody) EndPart();
      window_.erase(0, at + delimiter_.size());
      state_ = State::kAfterDelimiter;
      return true;
    }
    case State::kAfterDelimiter:
      if (window_.size() < 2) return false;
      state_ = window_.starts_with("--") ? State::kDone : State::kPartHead;
      return state_ == State::kPartHead;
    case State::kPartHead: {
      const size_t end = window_.find("\r\n\r\n");
      if (end == std::string::npos) {
        if (window_.size() > kMaxPartHead) state_ = State::kBroken;
        return false;
      }
      ReadPartHead(std::string_view(window_).substr(0, end));
      window_.erase(0, end + 4);
      state_ = State::kPartBody;
      return true;
    }
    case State::kDone:
    case State::kBroken:
      return false;
  }
  return false;
}

void MultipartScan::ReadPartHead(std::string_view head) {
  name_.clear();
  field_.clear();
  is_file_ = false;
  constexpr std::string_view kDisposition = "content-disposition:";
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    if (!base::EqualsIgnoreCase(line.substr(0, kDisposition.size()), kDisposition)) continue;
    name_ = Parameter(line, "name");
    is_file_ = line.find("filename=") != std::string_view::npos;
  }
}

void MultipartScan::PartBytes(std::string_view bytes) {
  if (is_file_) {
    facts_->file_bytes += bytes.size();
    facts_->prompt.Update(bytes);
  } else if (field_.size() < kMaxField) {
    field_.append(bytes.substr(0, kMaxField - field_.size()));
  }
}

void MultipartScan::EndPart() {
  if (is_file_) {
    facts_->input = {.present = true, .count = facts_->input.count + 1, .first = '"'};
    return;
  }
  if (name_ == "model") {
    facts_->model_given = true;
    facts_->model = field_;
    facts_->model_json = base::JsonEscape(field_);
  } else if (name_ == "response_format") {
    facts_->response_format = field_;
  } else if (name_ == "stream") {
    facts_->stream = field_ == "true" || field_ == "1";
  } else if (name_ == "n") {
    facts_->n = base::ParseUint(field_);
  } else if (name_ == "prompt") {
    facts_->prompt.Update(field_);
  }
}

void MultipartScan::Finish() { facts_->well_formed = state_ == State::kDone; }

}  // namespace vllm_router::fake_engine
