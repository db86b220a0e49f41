#include "server/gateway/forward_head.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "server/base/ids.h"
#include "server/base/strings.h"
#include "server/gateway/answer.h"

namespace vllm_router::gateway {
namespace {

using http::FieldId;
using ConnectionNames = absl::InlinedVector<std::string_view, 4>;

// What the Connection fields name beside the tokens that every message may carry there.
ConnectionNames NamedByConnection(const http::MessageHead& head, const char* base) {
  ConnectionNames names;
  for (const http::Field& field : head.fields) {
    if (field.id != FieldId::kConnection) continue;
    const auto plain = [](std::string_view token) {
      return base::EqualsIgnoreCase(token, "keep-alive") || base::EqualsIgnoreCase(token, "close");
    };
    if (plain(field.value.In(base))) continue;
    for (const std::string_view name : base::SplitList(field.value.In(base))) {
      if (!plain(name)) names.push_back(name);
    }
  }
  return names;
}

bool Contains(const ConnectionNames& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view named) { return base::EqualsIgnoreCase(named, name); });
}

bool IsHopByHop(FieldId id) {
  switch (id) {
    case FieldId::kConnection:
    case FieldId::kContentLength:
    case FieldId::kKeepAlive:
    case FieldId::kProxyConnection:
    case FieldId::kTe:
    case FieldId::kTrailer:
    case FieldId::kTransferEncoding:
    case FieldId::kUpgrade:
      return true;
    default:
      return false;
  }
}

bool DroppedFromRequest(FieldId id) {
  switch (id) {
    case FieldId::kExpect:
    case FieldId::kHost:
    case FieldId::kHttp2Settings:
    case FieldId::kProxyAuthorization:
    case FieldId::kXForwardedFor:
    case FieldId::kXRequestId:
      return true;
    default:
      return IsHopByHop(id);
  }
}

// CGI-style servers read '_' as '-': such a name must not smuggle in a field that is protected.
bool ImitatesProtectedField(std::string_view name) {
  if (name.find('_') == std::string_view::npos) return false;
  static constexpr std::array<std::string_view, 8> kProtected = {
      "content-length",   "transfer-encoding",   "x-forwarded-for", "x-forwarded-proto",
      "proxy-connection", "proxy-authorization", "x-request-id",    "keep-alive"};
  std::string dashed = base::AsciiLower(name);
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  return std::find(kProtected.begin(), kProtected.end(), dashed) != kProtected.end();
}

// Copies the lines of fields that pass as they are, neighbours in one piece.
class LineCopier {
 public:
  LineCopier(const char* base, std::string* out) : base_(base), out_(out) {}

  void Pass(const http::Field& field) {
    const char* begin = base_ + field.name.offset;
    if (begin != end_) {
      Flush();
      begin_ = begin;
    }
    // No CR is left inside a line that has been parsed.
    end_ = base_ + field.value.offset + field.value.length;
    while (*end_ != '\r') ++end_;
    end_ += 2;
  }

  void Flush() {
    out_->append(begin_, end_);
    begin_ = end_ = nullptr;
  }

 private:
  const char* const base_;
  std::string* const out_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
};

void AppendForwardedFor(const http::RequestHead& head, const char* base, std::string_view peer,
                        std::string* out) {
  out->append("X-Forwarded-For: ");
  for (const http::Field& field : head.fields) {
    if (field.id != FieldId::kXForwardedFor || field.value.length == 0) continue;
    out->append(field.value.In(base));
    out->append(", ");
  }
  out->append(peer);
  out->append("\r\n");
}

// The path of `url` when its authority is that of `backend`; `url` itself otherwise.
std::string_view HideBackend(std::string_view url, const fleet::Backend& backend) {
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return url;
  const std::string_view rest = url.substr(scheme_end + 3);
  const size_t path = rest.find('/');
  const std::string_view authority = rest.substr(0, path);
  const fleet::BackendUrl& own = backend.spec.url;
  const bool on_backend = base::EqualsIgnoreCase(authority, backend.host_field) ||
                          authority.substr(0, authority.rfind(':')) == own.host;
  if (!on_backend) return url;
  return path == std::string_view::npos ? "/" : rest.substr(path);
}

}  // namespace

bool IsSaneRequestId(std::string_view id) {
  return !id.empty() && id.size() <= 128 &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

void BuildRequestHead(const RequestHeadInput& input, base::Rng& rng, std::string* out) {
  const http::RequestHead& head = *input.head;
  const char* base = input.base;
  const fleet::BackendSpec& spec = input.backend->spec;
  const ConnectionNames named = NamedByConnection(head, base);

  out->assign(head.method_text.In(base));
  out->push_back(' ');
  out->append(spec.url.base_path);
  out->append(head.path.In(base));
  if (head.query.length > 0) {
    out->push_back('?');
    out->append(head.query.In(base));
  }
  out->append(" HTTP/1.1\r\n");
  AppendField(*out, "Host", input.backend->host_field);

  const bool replace_key = !spec.api_key.empty();
  bool has_proto = false;
  bool has_trace = false;
  LineCopier lines(base, out);
  for (const http::Field& field : head.fields) {
    if (DroppedFromRequest(field.id)) continue;
    const bool key = field.id == FieldId::kAuthorization || field.id == FieldId::kXApiKey;
    if (key && (input.drop_authorization || replace_key)) continue;
    const std::string_view name = field.name.In(base);
    if (!named.empty() && Contains(named, name)) continue;
    if (field.id == FieldId::kOther && ImitatesProtectedField(name)) continue;
    has_proto |= field.id == FieldId::kXForwardedProto;
    has_trace |= field.id == FieldId::kTraceparent;
    lines.Pass(field);
  }
  lines.Flush();
  if (replace_key) {
    out->append("Authorization: Bearer ");
    out->append(spec.api_key);
    out->append("\r\n");
  }
  AppendField(*out, "X-Request-Id", input.request_id);
  if (!has_trace) {
    std::array<char, base::kTraceparentLength> traceparent;
    base::WriteTraceparent(rng, traceparent.data());
    AppendField(*out, "traceparent", {traceparent.data(), traceparent.size()});
  }
  AppendForwardedFor(head, base, input.peer, out);
  if (!has_proto) AppendField(*out, "X-Forwarded-Proto", input.secure ? "https" : "http");
  if (input.body_bytes > 0 ||
      (head.method != http::Method::kGet && head.method != http::Method::kHead)) {
    out->append("Content-Length: ");
    AppendNumber(*out, input.body_bytes);
    out->append("\r\n");
  }
  out->append("\r\n");
}

void BuildAnswerHead(const AnswerHeadInput& input, std::string* out) {
  const http::ResponseHead& head = *input.head;
  const ConnectionNames named = NamedByConnection(head, input.base);
  out->assign("HTTP/1.1 ");
  AppendNumber(*out, static_cast<uint64_t>(head.status));
  out->push_back(' ');
  out->append(ReasonPhrase(head.status));
  out->append("\r\n");
  bool has_date = false;
  LineCopier lines(input.base, out);
  for (const http::Field& field : head.fields) {
    if (IsHopByHop(field.id) || field.id == FieldId::kServer || field.id == FieldId::kXRequestId ||
        field.id == FieldId::kProxyAuthenticate) {
      continue;
    }
    if (field.id == FieldId::kDate && std::exchange(has_date, true)) continue;
    const std::string_view name = field.name.In(input.base);
    if (!named.empty() && Contains(named, name)) continue;
    if (field.id == FieldId::kOther && (base::EqualsIgnoreCase(name, "location") ||
                                        base::EqualsIgnoreCase(name, "content-location"))) {
      lines.Flush();
      AppendField(*out, name, HideBackend(field.value.In(input.base), *input.backend));
      continue;
    }
    lines.Pass(field);
  }
  lines.Flush();
  if (!has_date) AppendField(*out, "Date", input.date);
  out->append("Server: vllm-router\r\n");
  AppendField(*out, "X-Request-Id", input.request_id);
  if (input.framing == AnswerFraming::kLength ||
      (input.framing == AnswerFraming::kNone && head.status != 204 && head.status != 304 &&
       head.content_length > 0)) {
    out->append("Content-Length: ");
    AppendNumber(*out, head.content_length);
    out->append("\r\n");
  } else if (input.framing == AnswerFraming::kChunked) {
    out->append("Transfer-Encoding: chunked\r\n");
  }
  if (!input.keep_alive) {
    out->append("Connection: close\r\n");
  } else if (input.http10) {
    out->append("Connection: keep-alive\r\n");
  }
  out->append("\r\n");
}

}  // namespace vllm_router::gateway
