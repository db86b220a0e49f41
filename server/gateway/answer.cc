#include "server/gateway/answer.h"

#include <array>
#include <charconv>

namespace vllm_router::gateway {

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 418:
      return "I'm a teapot";
    case 422:
      return "Unprocessable Content";
    case 424:
      return "Failed Dependency";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

std::string_view DateCache::At(base::WallTime now) {
  const std::time_t second =
      static_cast<std::time_t>(now.time_since_epoch().count() / 1'000'000'000);
  if (second != second_) {
    std::tm utc{};
    gmtime_r(&second, &utc);
    std::strftime(text_, sizeof(text_), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    second_ = second;
  }
  return text_;
}

std::string PeerText(const http::Session& session) {
  const bool v6 = session.peer().find(':') != std::string::npos;
  std::string text = v6 ? '[' + session.peer() + ']' : session.peer();
  text.push_back(':');
  AppendNumber(text, session.peer_port);
  return text;
}

void AppendField(std::string& head, std::string_view name, std::string_view value) {
  head.append(name);
  head.append(": ");
  head.append(value);
  head.append("\r\n");
}

void AppendNumber(std::string& out, uint64_t value) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

void SendLocalAnswer(http::Session& session, const LocalAnswer& answer, std::string_view date,
                     std::string& head) {
  if (session.unread()) session.set_keep_alive(false);
  head.assign("HTTP/1.1 ");
  AppendNumber(head, static_cast<uint64_t>(answer.status));
  head.push_back(' ');
  head.append(ReasonPhrase(answer.status));
  head.append("\r\n");
  AppendField(head, "Date", date);
  head.append("Server: vllm-router\r\n");
  const bool no_content = IsBodiless(answer.status);
  if (!no_content) AppendField(head, "Content-Type", answer.content_type);
  AppendField(head, "X-Request-Id", answer.request_id);
  head.append(answer.extra_fields);
  if (!session.keep_alive()) {
    head.append("Connection: close\r\n");
  } else if (session.head().version_minor == 0) {
    head.append("Connection: keep-alive\r\n");
  }
  if (!no_content) {
    head.append("Content-Length: ");
    AppendNumber(head, answer.body.size());
    head.append("\r\n");
  }
  head.append("\r\n");
  const bool bodiless = no_content || session.head().method == http::Method::kHead;
  const bool in_pieces = answer.shared_body != nullptr && answer.body.size() > http::Session::kLong;
  const std::array<iovec, 2> pieces = {
      {{head.data(), head.size()},
       {const_cast<char*>(answer.body.data()), bodiless || in_pieces ? 0 : answer.body.size()}}};
  session.Write(pieces.data(), 2);
  if (in_pieces && !bodiless) session.WriteLong(answer.shared_body);
  session.FinishAnswer();
}

}  // namespace vllm_router::gateway
