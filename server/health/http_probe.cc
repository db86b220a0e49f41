#include "server/health/http_probe.h"

#include <simdjson.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <cstring>
#include <exception>
#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::health {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using beast::error_code;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

ProbeOutcome Unhealthy(std::string detail) {
  return {.healthy = false, .detail = std::move(detail)};
}

ProbeOutcome Failed(const char* doing, const error_code& error) {
  if (error == beast::error::timeout) {
    return Unhealthy(absl::StrFormat("it took too long to %s", doing));
  }
  return Unhealthy(absl::StrFormat("it failed to %s: %s", doing, error.message()));
}

std::vector<tcp::endpoint> Endpoints(const std::vector<net::Address>& addresses) {
  std::vector<tcp::endpoint> endpoints;
  for (const net::Address& address : addresses) {
    tcp::endpoint endpoint;
    if (address.length > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), &address.storage, address.length);
    endpoint.resize(address.length);
    endpoints.push_back(endpoint);
  }
  return endpoints;
}

bool IsJson(const std::string& text) {
  simdjson::dom::parser parser;
  return parser.parse(text).error() == simdjson::SUCCESS;
}

ProbeOutcome Judge(int status, std::string body, bool wants_json) {
  ProbeOutcome outcome{.detail = absl::StrFormat("it answered with status %d", status),
                       .connected = true,
                       .http_status = status,
                       .body = std::move(body)};
  outcome.healthy = status < 400;
  if (outcome.healthy && wants_json && !IsJson(outcome.body)) {
    outcome.healthy = false;
    outcome.detail += ", but not with JSON";
  }
  return outcome;
}

// `stream` and `probe` live in the coroutine that awaits this one.
template <typename Stream>
asio::awaitable<ProbeOutcome> Exchange(Stream& stream, const Probe& probe) {
  error_code error;
  const auto fail = [&error](const char* doing) {
    ProbeOutcome outcome = Failed(doing, error);
    outcome.connected = true;
    return outcome;
  };
  co_await asio::async_write(stream, asio::buffer(probe.request),
                             asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail("take the request");
  beast::flat_buffer buffer;
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(probe.max_answer_bytes);
  co_await beast::http::async_read(stream, buffer, parser,
                                   asio::redirect_error(asio::use_awaitable, error));
  if (error == beast::http::error::body_limit) {
    co_return Unhealthy(
        absl::StrFormat("its answer is longer than %d MiB", probe.max_answer_bytes >> 20));
  }
  if (error) co_return fail("answer");
  co_return Judge(static_cast<int>(parser.get().result_int()), std::move(parser.get().body()),
                  probe.wants_json);
}

// Verification as for requests (see net::MakeClientTls); the name goes into SNI unless it is an IP
// address (RFC 6066 section 3).
void ExpectHost(TlsStream& stream, const std::string& host) {
  stream.set_verify_callback(asio::ssl::host_name_verification(host));
  error_code not_an_address;
  asio::ip::make_address(host, not_an_address);
  if (not_an_address) SSL_set_tlsext_host_name(stream.native_handle(), host.c_str());
}

asio::awaitable<ProbeOutcome> RunTls(beast::tcp_stream tcp_stream, Probe probe) {
  SSL_CTX_up_ref(probe.tls.get());
  asio::ssl::context context(probe.tls.get());  // takes over that reference
  TlsStream stream(std::move(tcp_stream), context);
  ExpectHost(stream, probe.host);
  error_code error;
  co_await stream.async_handshake(asio::ssl::stream_base::client,
                                  asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return Failed("agree on TLS", error);
  co_return co_await Exchange(stream, probe);
}

asio::awaitable<ProbeOutcome> Run(Probe probe) {
  beast::tcp_stream stream(co_await asio::this_coro::executor);
  stream.expires_after(probe.timeout);
  const std::vector<tcp::endpoint> endpoints = Endpoints(probe.addresses);
  error_code error;
  co_await stream.async_connect(endpoints, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return Failed("accept a connection", error);
  if (probe.tls) co_return co_await RunTls(std::move(stream), std::move(probe));
  co_return co_await Exchange(stream, probe);
}

}  // namespace

void StartProbe(asio::io_context& io, Probe probe, std::function<void(ProbeOutcome)> done) {
  asio::co_spawn(io, Run(std::move(probe)),
                 [&io, done = std::move(done), began = base::Clock::Real().Now()](
                     std::exception_ptr thrown, ProbeOutcome outcome) {
                   if (thrown) outcome = Unhealthy("the check itself failed");
                   outcome.latency = base::Clock::Real().Now() - began;
                   asio::post(io, [done, outcome = std::move(outcome)]() mutable {
                     done(std::move(outcome));
                   });
                 });
}

}  // namespace vllm_router::health
