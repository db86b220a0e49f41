// The way of a message head: scanner, then both parsers, whatever the bytes are.
//   * the scanner says the same however its input is cut,
//   * every slice lies in the head,
//   * a head that is accepted is framed as a slow, independent reading of its text says.
// The input's first byte chooses where it is cut and whether the answer is one to HEAD.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/head.h"
#include "server/http/head_scanner.h"
#include "tests/fuzz/fuzz_check.h"

namespace vllm_router::http {
namespace {

constexpr HeadLimits kLimits{.max_bytes = 2048, .max_start_line = 512, .max_fields = 20};

// ---- The reference: works on copies, a line at a time, and knows neither Beast nor our parser.

struct Line {
  std::string name;  // in lower case
  std::string value;
};

struct Text {
  std::string start_line;
  std::vector<Line> lines;
  bool folded = false;
};

std::string Trim(std::string s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.erase(0, 1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.pop_back();
  return s;
}

std::string Lower(std::string s) {
  for (char& c : s) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return s;
}

Text ReadText(const std::string& head) {
  Text text;
  size_t begin = 0;
  for (bool first = true;; first = false) {
    const size_t end = head.find("\r\n", begin);
    FUZZ_CHECK(end != std::string::npos);
    const std::string line = head.substr(begin, end - begin);
    begin = end + 2;
    if (line.empty()) break;
    if (first) {
      text.start_line = line;
      continue;
    }
    text.folded |= line[0] == ' ' || line[0] == '\t';
    const size_t colon = line.find(':');
    FUZZ_CHECK(colon != std::string::npos);
    text.lines.push_back({Lower(line.substr(0, colon)), Trim(line.substr(colon + 1))});
  }
  FUZZ_CHECK(begin == head.size());
  return text;
}

std::vector<std::string> Values(const Text& text, const std::string& name) {
  std::vector<std::string> values;
  for (const Line& line : text.lines) {
    if (line.name == name) values.push_back(line.value);
  }
  return values;
}

std::optional<uint64_t> Length(const std::string& s) {
  if (s.empty() || s.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  const size_t digits = s.find_first_not_of('0');
  if (digits == std::string::npos) return 0;
  if (s.size() - digits > 19) return std::nullopt;
  uint64_t value = 0;
  for (char c : s.substr(digits)) value = value * 10 + static_cast<uint64_t>(c - '0');
  return value <= 9223372036854775807u ? std::optional(value) : std::nullopt;
}

bool Says(const Text& text, const std::string& option) {
  for (const std::string& value : Values(text, "connection")) {
    const std::string list = "," + Lower(value) + ",";
    size_t begin = 1;
    for (size_t end; (end = list.find(',', begin)) != std::string::npos; begin = end + 1) {
      if (Trim(list.substr(begin, end - begin)) == option) return true;
    }
  }
  return false;
}

// What holds for every head that is accepted, in either direction.
void CheckFraming(const Text& text, const MessageHead& head, bool has_body_rules) {
  FUZZ_CHECK(!text.folded);
  const std::vector<std::string> lengths = Values(text, "content-length");
  const std::vector<std::string> codings = Values(text, "transfer-encoding");
  FUZZ_CHECK(lengths.empty() || codings.empty());
  FUZZ_CHECK(codings.size() <= 1);
  if (!codings.empty()) {
    FUZZ_CHECK(Lower(codings[0]) == "chunked");
    FUZZ_CHECK(head.version_minor == 1);
  }
  for (const std::string& length : lengths) FUZZ_CHECK(Length(length) == Length(lengths[0]));
  if (!lengths.empty()) FUZZ_CHECK(Length(lengths[0]).has_value());
  if (head.keep_alive) {
    FUZZ_CHECK(!Says(text, "close"));
    FUZZ_CHECK(head.version_minor == 1 || Says(text, "keep-alive"));
  }
  if (!has_body_rules) return;
  FUZZ_CHECK((head.body == BodyKind::kChunked) == !codings.empty());
  FUZZ_CHECK((head.body == BodyKind::kLength) == !lengths.empty());
  if (!lengths.empty()) FUZZ_CHECK(head.content_length == Length(lengths[0]));
}

// ---- What is checked.

void CheckSlice(Slice slice, std::string_view head) {
  FUZZ_CHECK(slice.offset <= head.size() && slice.length <= head.size() - slice.offset);
}

void CheckFields(const Text& text, const MessageHead& parsed, std::string_view head) {
  FUZZ_CHECK(parsed.fields.size() == text.lines.size());
  for (size_t i = 0; i < parsed.fields.size(); ++i) {
    const Field& field = parsed.fields[i];
    CheckSlice(field.name, head);
    CheckSlice(field.value, head);
    FUZZ_CHECK(Lower(std::string(field.name.In(head.data()))) == text.lines[i].name);
    const std::string value(field.value.In(head.data()));
    FUZZ_CHECK(value == text.lines[i].value);
    for (char c : value) FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20 || c == '\t');
  }
}

void CheckRequest(std::string_view head) {
  RequestHead parsed;
  const Fault* fault = ParseRequestHead(head, &parsed);
  if (fault != nullptr) {
    FUZZ_CHECK(fault->status >= 400 && fault->status <= 599 && !fault->message.empty());
    return;
  }
  const Text text = ReadText(std::string(head));
  CheckFields(text, parsed, head);
  CheckFraming(text, parsed, true);
  for (Slice slice : {parsed.method_text, parsed.path, parsed.query, parsed.authority}) {
    CheckSlice(slice, head);
  }
  const std::string path(parsed.path.In(head.data()));
  FUZZ_CHECK(!path.empty());
  FUZZ_CHECK(path[0] == '/' || parsed.method == Method::kConnect || path == "*");
  for (char c : path) FUZZ_CHECK(c > ' ' && c < 0x7F && c != '#' && c != '?');
  const size_t hosts = Values(text, "host").size();
  FUZZ_CHECK(hosts == 1 || (hosts == 0 && parsed.version_minor == 0));
  const std::string version = parsed.version_minor == 1 ? " HTTP/1.1" : " HTTP/1.0";
  FUZZ_CHECK(text.start_line.size() > version.size() && text.start_line.ends_with(version));
  if (parsed.keep_alive == false) {
    FUZZ_CHECK(Says(text, "close") || (parsed.version_minor == 0 && !Says(text, "keep-alive")));
  }
}

void CheckResponse(std::string_view head, bool to_head) {
  ResponseHead parsed;
  const Fault* fault = ParseResponseHead(head, to_head, &parsed);
  if (fault != nullptr) {
    FUZZ_CHECK(fault->status == 502);
    return;
  }
  const Text text = ReadText(std::string(head));
  CheckFields(text, parsed, head);
  FUZZ_CHECK(parsed.status >= 100 && parsed.status <= 599 && parsed.status != 101);
  FUZZ_CHECK(text.start_line.substr(9, 4) == std::to_string(parsed.status) + " ");
  const bool bodiless =
      to_head || parsed.status < 200 || parsed.status == 204 || parsed.status == 304;
  FUZZ_CHECK(bodiless == (parsed.body == BodyKind::kNone));
  FUZZ_CHECK(!parsed.keep_alive || parsed.body != BodyKind::kUntilClose);
  CheckFraming(text, parsed, !bodiless);
}

HeadScanner::Result ScanInSteps(std::string_view bytes, size_t step, HeadScanner* scanner) {
  for (size_t seen = 0; seen < bytes.size(); seen += step) {
    const std::vector<char> copy(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(seen));
    const auto result = scanner->Scan({copy.data(), copy.size()}, kLimits);
    if (result != HeadScanner::Result::kNeedMore) return result;
  }
  return scanner->Scan(bytes, kLimits);
}

}  // namespace
}  // namespace vllm_router::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vllm_router::http;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool to_head = (data[0] & 1) != 0;

  HeadScanner whole, in_steps;
  const HeadScanner::Result result = whole.Scan(bytes, kLimits);
  FUZZ_CHECK(ScanInSteps(bytes, 1 + (data[0] >> 1) % 16, &in_steps) == result);

  // The parsers must stand any bytes, also such as no scanner lets through.
  RequestHead request;
  ResponseHead response;
  ParseRequestHead(bytes, &request);
  ParseResponseHead(bytes, to_head, &response);
  if (result != HeadScanner::Result::kComplete) return 0;

  FUZZ_CHECK(in_steps.head_begin() == whole.head_begin());
  FUZZ_CHECK(in_steps.head_end() == whole.head_end());
  const std::string_view head =
      bytes.substr(whole.head_begin(), whole.head_end() - whole.head_begin());
  FUZZ_CHECK(head.size() <= kLimits.max_bytes && head.ends_with("\r\n\r\n"));
  FUZZ_CHECK(head.find('\0') == std::string_view::npos);
  CheckRequest(head);
  CheckResponse(head, to_head);
  return 0;
}
