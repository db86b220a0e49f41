// One request as the connection hands it to the exchange. Reused; views point into the connection's
// copy of the head and stay valid until the request has been answered.
#ifndef TOOLS_FAKE_ENGINE_REQUEST_H_
#define TOOLS_FAKE_ENGINE_REQUEST_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/http/head.h"
#include "tools/fake_engine/body_facts.h"
#include "tools/fake_engine/endpoints.h"
#include "tools/fake_engine/fault.h"

namespace vllm_router::fake_engine {

struct Request {
  uint64_t id = 0;                     // 0 for /fake/ requests, which are not counted
  const Endpoint* endpoint = nullptr;  // nullptr: no such path
  http::Method method = http::Method::kGet;
  std::string_view path;
  std::string_view query;
  std::string_view authorization;
  std::string_view http_request_id;  // X-Request-Id
  bool http11 = true;
  bool keep_alive = true;
  std::string body;                              // the start of it, as far as it is recorded
  BodyFacts own_facts;                           // filled while the body passes by, or
  std::shared_ptr<const BodyFacts> known_facts;  // those of an equal body
  const BodyFacts& facts() const { return known_facts != nullptr ? *known_facts : own_facts; }

  // From the request headers X-Fake-Fault, X-Fake-Ttft-Ms, X-Fake-Itl-Ms, X-Fake-Tokens.
  std::optional<Fault> fault;
  std::optional<base::Duration> ttft;
  std::optional<base::Duration> itl;
  std::optional<uint32_t> tokens;
  std::string override_error;  // why one of them cannot be understood

  // Reads `head`, whose slices lie in `text`, and clears everything else.
  void Take(const http::RequestHead& head, const char* text);

 private:
  void TakeOverride(std::string_view name, std::string_view value);
};

// "12.5" -> 12.5 ms; nullopt for anything but a decimal number from 0 to an hour's worth.
std::optional<base::Duration> ParseMilliseconds(std::string_view text);

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_REQUEST_H_
