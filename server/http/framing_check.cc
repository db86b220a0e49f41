#include "server/http/framing_check.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "server/base/strings.h"
#include "server/http/chars.h"
#include "server/http/faults.h"
#include "server/http/request_target.h"

namespace vllm_router::http {
namespace {

// Calls `visit` with every element of a comma-separated list, trimmed, empty ones too.
template <typename Visit>
void ForEachElement(std::string_view list, Visit visit) {
  for (;;) {
    const size_t comma = list.find(',');
    visit(base::TrimOws(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// 1*DIGIT below 2^63, so that sums of lengths cannot overflow.
std::optional<uint64_t> ParseLength(std::string_view s) {
  const auto length = base::ParseUint(s);
  if (!length || *length > std::numeric_limits<int64_t>::max()) return std::nullopt;
  return length;
}

// What the fields say about framing, gathered in one pass.
struct Said {
  int content_lengths = 0;
  int transfer_encodings = 0;
  int hosts = 0;
  bool bad_length = false;
  bool lengths_differ = false;
  bool close = false;
  bool keep_alive = false;
  bool expects_continue = false;
  bool expects_other = false;
  uint64_t content_length = 0;
  std::string_view transfer_encoding;  // the first line's
  std::string_view content_type;       // the first line's
  Slice host;
};

void AddLength(std::string_view value, Said* said) {
  const auto length = ParseLength(value);
  if (!length) {
    said->bad_length = true;
  } else if (said->content_lengths > 0 && *length != said->content_length) {
    said->lengths_differ = true;
  } else {
    said->content_length = *length;
  }
  ++said->content_lengths;
}

void AddConnection(std::string_view value, Said* said) {
  ForEachElement(value, [said](std::string_view option) {
    said->close |= base::EqualsIgnoreCase(option, "close");
    said->keep_alive |= base::EqualsIgnoreCase(option, "keep-alive");
  });
}

Said Gather(const char* base, const MessageHead& head) {
  Said said;
  for (const Field& field : head.fields) {
    if (field.id == FieldId::kOther) continue;
    const std::string_view value = field.value.In(base);
    switch (field.id) {
      case FieldId::kContentLength:
        AddLength(value, &said);
        break;
      case FieldId::kTransferEncoding:
        if (++said.transfer_encodings == 1) said.transfer_encoding = value;
        break;
      case FieldId::kHost:
        ++said.hosts;
        said.host = field.value;
        break;
      case FieldId::kConnection:
        AddConnection(value, &said);
        break;
      case FieldId::kExpect:
        (base::EqualsIgnoreCase(value, "100-continue") ? said.expects_continue
                                                       : said.expects_other) = true;
        break;
      case FieldId::kContentType:
        if (said.content_type.empty()) said.content_type = value;
        break;
      default:
        break;
    }
  }
  return said;
}

bool KeepsAlive(const MessageHead& head, const Said& said) {
  return !said.close && (head.version_minor >= 1 || said.keep_alive);
}

bool IsChunked(const Said& said) {
  return said.transfer_encodings == 1 && base::EqualsIgnoreCase(said.transfer_encoding, "chunked");
}

// Why a Transfer-Encoding that is not plain `chunked` is refused: a well-formed list of codings
// that we do not have is 501, everything that hides or moves `chunked` is 400 (RFC 9112
// section 6.1).
const Fault* RefusedCoding(const Said& said) {
  if (said.transfer_encodings > 1) return &faults::kBadTransferEncoding;
  bool malformed = false;
  bool chunked_before = false;
  ForEachElement(said.transfer_encoding, [&](std::string_view coding) {
    malformed |= coding.empty() || !AllIn(kTokenChar, coding) || chunked_before;
    chunked_before = base::EqualsIgnoreCase(coding, "chunked");
  });
  return malformed ? &faults::kBadTransferEncoding : &faults::kUnknownCoding;
}

const Fault* CheckRequestBody(const Said& said, RequestHead* head) {
  if (said.transfer_encodings > 0) {
    if (said.content_lengths > 0) return &faults::kBothLengths;
    if (head->version_minor == 0) return &faults::kTransferEncodingInHttp10;
    if (!IsChunked(said)) return RefusedCoding(said);
    head->body = BodyKind::kChunked;
  } else if (said.content_lengths > 0) {
    if (said.bad_length || said.content_lengths > 1) return &faults::kBadContentLength;
    head->body = BodyKind::kLength;
    head->content_length = said.content_length;
  }
  return nullptr;
}

const Fault* CheckHost(const char* base, const Said& said, RequestHead* head) {
  if (said.hosts > 1) return &faults::kRepeatedHost;
  if (said.hosts == 0) return head->version_minor == 0 ? nullptr : &faults::kMissingHost;
  const std::string_view host = said.host.In(base);
  if (!host.empty() && !IsAuthority(host)) return &faults::kBadHost;
  if (head->authority.length == 0) head->authority = said.host;
  return nullptr;
}

bool HasBody(const MessageHead& head) {
  return head.body == BodyKind::kChunked ||
         (head.body == BodyKind::kLength && head.content_length > 0);
}

const Fault* CheckResponseLengths(const Said& said, const ResponseHead& head) {
  if (said.transfer_encodings > 0) {
    if (said.content_lengths > 0) return &faults::kBothResponseLengths;
    if (head.version_minor == 0 || !IsChunked(said)) return &faults::kBadResponseCoding;
  }
  return said.bad_length || said.lengths_differ ? &faults::kBadResponseLength : nullptr;
}

bool IsEventStream(std::string_view content_type) {
  return base::EqualsIgnoreCase(base::TrimOws(content_type.substr(0, content_type.find(';'))),
                                "text/event-stream");
}

}  // namespace

const Fault* CheckRequestFraming(const char* base, RequestHead* head) {
  const Said said = Gather(base, *head);
  if (const Fault* fault = CheckRequestBody(said, head)) return fault;
  if (const Fault* fault = CheckHost(base, said, head)) return fault;
  if (said.expects_other) return &faults::kUnknownExpectation;
  head->keep_alive = KeepsAlive(*head, said);
  head->expect_continue = said.expects_continue && head->version_minor >= 1 && HasBody(*head);
  return nullptr;
}

const Fault* CheckResponseFraming(const char* base, bool to_head, ResponseHead* head) {
  const Said said = Gather(base, *head);
  if (const Fault* fault = CheckResponseLengths(said, *head)) return fault;
  head->keep_alive = KeepsAlive(*head, said);
  head->event_stream = IsEventStream(said.content_type);
  const bool never_a_body = head->status < 200 || head->status == 204;
  if (never_a_body || head->status == 304 || to_head) {
    head->body = BodyKind::kNone;
    // The sender may follow its own field and send a body all the same: nothing behind this head
    // can be trusted.
    if (never_a_body && said.content_lengths + said.transfer_encodings > 0) {
      head->keep_alive = false;
    }
  } else if (said.transfer_encodings > 0) {
    head->body = BodyKind::kChunked;
  } else if (said.content_lengths > 0) {
    head->body = BodyKind::kLength;
    head->content_length = said.content_length;
  } else {
    head->body = BodyKind::kUntilClose;
    head->keep_alive = false;
  }
  return nullptr;
}

}  // namespace vllm_router::http
