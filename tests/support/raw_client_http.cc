// The HTTP side of RawClient: heads, bodies, events, and whole requests.
#include <algorithm>
#include <charconv>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "tests/support/raw_client.h"

namespace vllm_router::test {
namespace {

absl::Status NoHttp(std::string_view what, std::string_view bytes) {
  return absl::InvalidArgumentError(absl::StrFormat("%s: '%s'", what, base::Printable(bytes)));
}

}  // namespace

std::optional<std::string> RawHead::Header(std::string_view name) const {
  for (const auto& [field, value] : headers) {
    if (base::EqualsIgnoreCase(field, name)) return value;
  }
  return std::nullopt;
}

size_t RawHead::Count(std::string_view name) const {
  return static_cast<size_t>(std::count_if(headers.begin(), headers.end(), [&](const auto& header) {
    return base::EqualsIgnoreCase(header.first, name);
  }));
}

absl::StatusOr<std::string> RawClient::Line(Deadline deadline) {
  size_t end;
  while ((end = received_.find("\r\n")) == std::string::npos) {
    absl::Status more = Receive(deadline);
    if (absl::IsOutOfRange(more)) return absl::DataLossError("the connection ended inside a line");
    if (!more.ok()) return more;
  }
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 2);
  return line;
}

absl::StatusOr<RawHead> RawClient::ReadHead(bool to_head) {
  const Deadline deadline = Start();
  RawHead head;
  while (true) {
    absl::StatusOr<std::string> line = Line(deadline);
    if (!line.ok()) return line.status();
    head.text += *line + "\r\n";
    if (line->empty()) break;
    if (head.status == 0) {
      const bool known = line->starts_with("HTTP/1.1 ") || line->starts_with("HTTP/1.0 ");
      const auto status =
          base::ParseUint(std::string_view(*line).substr(std::min<size_t>(line->size(), 9), 3));
      if (!known || !status || *status < 100) return NoHttp("no status line", *line);
      head.status = static_cast<int>(*status);
      continue;
    }
    const size_t colon = line->find(':');
    if (colon == std::string::npos || colon == 0) return NoHttp("no header", *line);
    head.headers.emplace_back(line->substr(0, colon),
                              base::TrimOws(std::string_view(*line).substr(colon + 1)));
  }
  if (head.status == 0) return NoHttp("no status line", head.text);
  if (absl::Status body = BeginBody(head, to_head); !body.ok()) return body;
  return head;
}

absl::Status RawClient::BeginBody(const RawHead& head, bool to_head) {
  decoded_.clear();
  chunk_sizes_.clear();
  framing_ = Framing::kUntilClose;
  const std::optional<std::string> length = head.Header("content-length");
  const std::optional<std::string> coding = head.Header("transfer-encoding");
  if (length && coding) return NoHttp("two framings", head.text);
  if (head.Count("content-length") > 1 || head.Count("transfer-encoding") > 1)
    return NoHttp("framed twice", head.text);
  if (coding) {
    if (!base::EqualsIgnoreCase(*coding, "chunked")) return NoHttp("unknown coding", *coding);
    framing_ = Framing::kChunkSize;
  } else if (length) {
    const std::optional<uint64_t> bytes = base::ParseUint(*length);
    if (!bytes) return NoHttp("bad length", *length);
    remaining_ = *bytes;
    framing_ = remaining_ == 0 ? Framing::kDone : Framing::kLength;
  }
  if (to_head || head.status < 200 || head.status == 204 || head.status == 304)
    framing_ = Framing::kDone;
  return absl::OkStatus();
}

absl::Status RawClient::ReadChunkSize(Deadline deadline) {
  absl::StatusOr<std::string> line = Line(deadline);
  if (!line.ok()) return line.status();
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(line->data(), line->data() + line->size(), size, 16);
  if (error != std::errc() || end != line->data() + line->size())
    return NoHttp("bad chunk size", *line);
  if (size > 0) {
    chunk_sizes_.push_back(size);
    remaining_ = size;
    framing_ = Framing::kChunkData;
    return absl::OkStatus();
  }
  while (!line->empty()) {  // the line that ends the body, behind trailers
    line = Line(deadline);
    if (!line.ok()) return line.status();
  }
  framing_ = Framing::kDone;
  return absl::OkStatus();
}

absl::Status RawClient::DecodeMore(Deadline deadline) {
  if (framing_ == Framing::kChunkSize) return ReadChunkSize(deadline);
  if (framing_ == Framing::kChunkEnd) {
    absl::StatusOr<std::string> line = Line(deadline);
    if (!line.ok()) return line.status();
    if (!line->empty()) return NoHttp("bytes behind a chunk", *line);
    framing_ = Framing::kChunkSize;
    return absl::OkStatus();
  }
  if (received_.empty()) {
    const absl::Status more = Receive(deadline);
    if (absl::IsOutOfRange(more)) {
      if (framing_ != Framing::kUntilClose)
        return absl::DataLossError("the connection ended inside the body");
      framing_ = Framing::kDone;
      return absl::OkStatus();
    }
    if (!more.ok()) return more;
  }
  size_t take = received_.size();
  if (framing_ != Framing::kUntilClose)
    take = static_cast<size_t>(std::min<uint64_t>(take, remaining_));
  decoded_.append(received_, 0, take);
  received_.erase(0, take);
  if (framing_ == Framing::kUntilClose) return absl::OkStatus();
  remaining_ -= take;
  if (remaining_ == 0)
    framing_ = framing_ == Framing::kLength ? Framing::kDone : Framing::kChunkEnd;
  return absl::OkStatus();
}

absl::StatusOr<std::string> RawClient::ReadBody() {
  const Deadline deadline = Start();
  while (framing_ != Framing::kDone) {
    if (absl::Status more = DecodeMore(deadline); !more.ok()) return more;
  }
  return std::exchange(decoded_, {});
}

absl::StatusOr<RawResponse> RawClient::ReadResponse(bool to_head) {
  while (true) {
    absl::StatusOr<RawHead> head = ReadHead(to_head);
    if (!head.ok()) return head.status();
    if (head->status < 200) continue;
    absl::StatusOr<std::string> body = ReadBody();
    if (!body.ok()) return body.status();
    return RawResponse{*std::move(head), *std::move(body)};
  }
}

absl::StatusOr<std::vector<std::string>> RawClient::ReadEvents(size_t count) {
  const Deadline deadline = Start();
  std::vector<std::string> events;
  while (events.size() < count) {
    if (const size_t end = decoded_.find("\n\n"); end != std::string::npos) {
      events.push_back(decoded_.substr(0, end));
      decoded_.erase(0, end + 2);
      continue;
    }
    if (framing_ == Framing::kDone) {
      return absl::DataLossError(absl::StrFormat("the body ended after %d events", events.size()));
    }
    if (absl::Status more = DecodeMore(deadline); !more.ok()) return more;
  }
  return events;
}

absl::StatusOr<std::string> RawClient::ReadBodyBytes(size_t count) {
  const Deadline deadline = Start();
  while (decoded_.size() < count) {
    if (framing_ == Framing::kDone) return absl::DataLossError("the body ended before");
    if (absl::Status more = DecodeMore(deadline); !more.ok()) return more;
  }
  std::string bytes = decoded_.substr(0, count);
  decoded_.erase(0, count);
  return bytes;
}

std::string EventData(std::string_view event) {
  std::string data;
  bool first = true;
  while (!event.empty()) {
    std::string_view line = event.substr(0, event.find('\n'));
    event.remove_prefix(std::min(event.size(), line.size() + 1));
    if (!line.starts_with("data:")) continue;
    line.remove_prefix(line.starts_with("data: ") ? 6 : 5);
    if (!first) data += '\n';
    data += line;
    first = false;
  }
  return data;
}

std::string Get(std::string_view target, std::string_view headers) {
  return absl::StrFormat("GET %s HTTP/1.1\r\nHost: test\r\n%s\r\n", target, headers);
}

std::string PostJson(std::string_view target, std::string_view json, std::string_view headers) {
  return absl::StrFormat(
      "POST %s HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: "
      "%d\r\n%s\r\n%s",
      target, json.size(), headers, json);
}

absl::StatusOr<RawResponse> Fetch(uint16_t port, std::string_view request) {
  absl::StatusOr<RawClient> client = RawClient::Connect(port);
  if (!client.ok()) return client.status();
  if (absl::Status sent = client->Send(request); !sent.ok()) return sent;
  return client->ReadResponse();
}

}  // namespace vllm_router::test
