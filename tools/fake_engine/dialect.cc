#include "tools/fake_engine/dialect.h"

namespace vllm_router::fake_engine {

std::string* EventSink::Scratch() {
  scratch_->clear();
  return scratch_;
}

void EventSink::Event(std::string_view json, std::string_view name) {
  const size_t name_bytes = name.empty() ? 0 : sizeof("event: \n") - 1 + name.size();
  if (chunked_) {
    AppendHex(out_, name_bytes + sizeof("data: \n\n") - 1 + json.size());
    Append(out_, "\r\n");
  }
  if (!name.empty()) Append(out_, "event: ", name, "\n");
  Append(out_, "data: ", json, chunked_ ? "\n\n\r\n" : "\n\n");
}

void TokenTemplate::Begin(std::string_view event_name) {
  bytes_.clear();
  text_at_ = choice_at_ = sequence_at_ = seq_at_ = sent_at_ = kNone;
  if (!event_name.empty()) Append(&bytes_, "event: ", event_name, "\n");
  Append(&bytes_, "data: ");
}

void TokenTemplate::PlaceText() {
  text_at_ = bytes_.size();
  bytes_.append(kTokenBytes, ' ');
}

void TokenTemplate::PlaceChoice(uint32_t choices) {
  choice_at_ = bytes_.size();
  choice_width_ = choices > 100 ? 3 : choices > 10 ? 2 : 1;
  bytes_.append(choice_width_, ' ');
}

void TokenTemplate::PlaceSequence(uint64_t first) {
  sequence_first_ = first;
  sequence_at_ = bytes_.size();
  bytes_.append(kSequenceWidth, ' ');
}

void TokenTemplate::End(bool stamp, bool chunked) {
  if (stamp) {
    bytes_.pop_back();  // the object goes on
    Append(&bytes_, ",\"seq\":");
    seq_at_ = bytes_.size();
    bytes_.append(kSequenceWidth, ' ');
    Append(&bytes_, ",\"sent_ns\":");
    sent_at_ = bytes_.size();
    bytes_.append(kStampWidth, ' ');
    Append(&bytes_, "}");
  }
  Append(&bytes_, "\n\n");
  chunked_ = chunked;
  event_begin_ = 0;
  event_end_ = bytes_.size();
  if (!chunked) return;
  char size_line[20];
  const auto [end, error] =
      std::to_chars(size_line, size_line + sizeof(size_line), bytes_.size(), 16);
  const auto digits = static_cast<size_t>(end - size_line);
  bytes_.insert(0, "\r\n");
  bytes_.insert(0, size_line, digits);
  Shift(digits + 2);
  Append(&bytes_, "\r\n");
}

void TokenTemplate::Shift(size_t by) {
  event_begin_ += by;
  event_end_ += by;
  for (size_t* place : {&text_at_, &choice_at_, &sequence_at_, &seq_at_, &sent_at_}) {
    if (*place != kNone) *place += by;
  }
}

std::string_view TokenTemplate::Fill(uint64_t seed, uint32_t index, uint32_t choice,
                                     uint64_t now_ns) {
  char* const bytes = bytes_.data();
  WriteToken(seed, index, bytes + text_at_);
  if (choice_at_ != kNone) PutNumber(bytes + choice_at_, choice_width_, choice);
  if (sequence_at_ != kNone)
    PutNumber(bytes + sequence_at_, kSequenceWidth, sequence_first_ + index);
  if (sent_at_ != kNone) {
    PutNumber(bytes + seq_at_, kSequenceWidth, index);
    PutNumber(bytes + sent_at_, kStampWidth, now_ns);
  }
  return bytes_;
}

void TokenTemplate::AppendPadded(uint64_t padding, std::string* out) const {
  const std::string_view all = bytes_;
  if (chunked_) {
    AppendHex(out, event_end_ - event_begin_ - kTokenBytes + padding);
    Append(out, "\r\n");
  }
  out->append(all.substr(event_begin_, text_at_ - event_begin_));
  out->append(padding, 'x');
  const size_t after = text_at_ + kTokenBytes;
  out->append(all.substr(after, event_end_ - after));
  if (chunked_) Append(out, "\r\n");
}

const Dialect& DialectOf(Api api) {
  switch (api) {
    case Api::kCompletion:
      return kCompletionDialect;
    case Api::kResponses:
      return kResponsesDialect;
    case Api::kMessages:
      return kMessagesDialect;
    default:
      return kChatDialect;
  }
}

}  // namespace vllm_router::fake_engine
