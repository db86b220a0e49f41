#include "server/http/field_id.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "server/base/strings.h"

namespace vllm_router::http {
namespace {

struct Named {
  std::string_view name;
  FieldId id;
};

// Ordered by length: a look-up only compares names that are as long as the one it is given.
constexpr Named kNames[] = {
    {"te", FieldId::kTe},
    {"via", FieldId::kVia},
    {"date", FieldId::kDate},
    {"host", FieldId::kHost},
    {"expect", FieldId::kExpect},
    {"server", FieldId::kServer},
    {"trailer", FieldId::kTrailer},
    {"upgrade", FieldId::kUpgrade},
    {"x-api-key", FieldId::kXApiKey},
    {"connection", FieldId::kConnection},
    {"keep-alive", FieldId::kKeepAlive},
    {"retry-after", FieldId::kRetryAfter},
    {"traceparent", FieldId::kTraceparent},
    {"content-type", FieldId::kContentType},
    {"x-request-id", FieldId::kXRequestId},
    {"authorization", FieldId::kAuthorization},
    {"content-length", FieldId::kContentLength},
    {"http2-settings", FieldId::kHttp2Settings},
    {"x-forwarded-for", FieldId::kXForwardedFor},
    {"content-encoding", FieldId::kContentEncoding},
    {"proxy-connection", FieldId::kProxyConnection},
    {"transfer-encoding", FieldId::kTransferEncoding},
    {"x-forwarded-proto", FieldId::kXForwardedProto},
    {"proxy-authenticate", FieldId::kProxyAuthenticate},
    {"proxy-authorization", FieldId::kProxyAuthorization},
};

constexpr size_t kLongest = std::rbegin(kNames)->name.size();

// kFirst[n] is the first entry with at least n characters.
constexpr std::array<uint8_t, kLongest + 2> kFirst = [] {
  std::array<uint8_t, kLongest + 2> first{};
  for (size_t length = 0; length < first.size(); ++length) {
    size_t at = 0;
    while (at < std::size(kNames) && kNames[at].name.size() < length) ++at;
    first[length] = static_cast<uint8_t>(at);
  }
  return first;
}();

static_assert(std::is_sorted(std::begin(kNames), std::end(kNames),
                             [](const Named& a, const Named& b) {
                               return a.name.size() < b.name.size();
                             }));

}  // namespace

FieldId FieldIdOf(std::string_view name) {
  if (name.empty() || name.size() > kLongest) return FieldId::kOther;
  for (size_t at = kFirst[name.size()]; at < kFirst[name.size() + 1]; ++at) {
    // Most names of other fields differ in their first letter.
    if ((name[0] | 0x20) != kNames[at].name[0]) continue;
    if (base::EqualsIgnoreCase(name, kNames[at].name)) return kNames[at].id;
  }
  return FieldId::kOther;
}

}  // namespace vllm_router::http
