#include "tools/fake_engine/request.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::fake_engine {
namespace {

constexpr std::string_view kPrefix = "x-fake-";
constexpr uint64_t kMostTokens = 10'000'000;

}  // namespace

std::optional<base::Duration> ParseMilliseconds(std::string_view text) {
  double milliseconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), milliseconds,
                                            std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(milliseconds >= 0 && milliseconds <= 3.6e6)) return std::nullopt;
  return base::Duration(static_cast<int64_t>(milliseconds * 1e6));
}

void Request::Take(const http::RequestHead& head, const char* text) {
  method = head.method;
  path = head.path.In(text);
  query = head.query.In(text);
  endpoint = FindEndpoint(path);
  http11 = head.version_minor >= 1;
  keep_alive = head.keep_alive;
  authorization = {};
  http_request_id = {};
  body.clear();
  own_facts.Reset();
  known_facts.reset();
  fault = std::nullopt;
  ttft = itl = std::nullopt;
  tokens = std::nullopt;
  override_error.clear();
  for (const http::Field& field : head.fields) {
    if (field.id == http::FieldId::kAuthorization) authorization = field.value.In(text);
    if (field.id == http::FieldId::kXRequestId) http_request_id = field.value.In(text);
    if (field.id != http::FieldId::kOther || field.name.length <= kPrefix.size()) continue;
    const std::string_view name = field.name.In(text);
    if ((name.front() | 0x20) != 'x' ||
        !base::EqualsIgnoreCase(name.substr(0, kPrefix.size()), kPrefix))
      continue;
    TakeOverride(name.substr(kPrefix.size()), field.value.In(text));
  }
}

void Request::TakeOverride(std::string_view name, std::string_view value) {
  bool understood = true;
  if (base::EqualsIgnoreCase(name, "fault")) {
    const absl::StatusOr<Fault> parsed = ParseFault(value);
    if (parsed.ok() && parsed->kind != FaultKind::kRefuse) {
      fault = *parsed;
    } else {
      override_error = parsed.ok() ? "fault 'refuse' is not per request"
                                   : std::string(parsed.status().message());
    }
  } else if (base::EqualsIgnoreCase(name, "ttft-ms")) {
    ttft = ParseMilliseconds(value);
    understood = ttft.has_value();
  } else if (base::EqualsIgnoreCase(name, "itl-ms")) {
    itl = ParseMilliseconds(value);
    understood = itl.has_value();
  } else if (base::EqualsIgnoreCase(name, "tokens")) {
    const std::optional<uint64_t> number = base::ParseUint(value);
    understood = number.has_value() && *number <= kMostTokens;
    if (understood) tokens = static_cast<uint32_t>(*number);
  }
  if (!understood) override_error = absl::StrFormat("X-Fake-%s: not a number in range", name);
}

}  // namespace vllm_router::fake_engine
