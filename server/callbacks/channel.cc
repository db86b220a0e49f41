#include "server/callbacks/channel.h"

#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "server/base/status.h"
#include "server/callbacks/answer_rules.h"
#include "server/callbacks/body_rule.h"
#include "server/callbacks/channel_credentials.h"

namespace vllm_router::callbacks {
namespace {

// Headers with what protobuf puts around them, a model, an answer's status.
constexpr uint64_t kSmallPartsBytes = 64u << 10;
// gRPC itself takes some of it for each connection.
constexpr size_t kQuotaBase = 16u << 20;

bool IsV4(const net::Address& address) { return address.storage.ss_family == AF_INET; }

// As gRPC takes literal addresses: all of one family. Beside IPv6 ones an IPv4 address is written
// in its IPv6 form, which is what gRPC's sockets use anyway. Brackets are no characters of a URI.
std::string UriOf(const std::vector<net::Address>& addresses) {
  const bool only_v4 = std::all_of(addresses.begin(), addresses.end(), IsV4);
  std::vector<std::string> texts;
  for (const net::Address& address : addresses) {
    std::string text = net::ToString(address);
    if (IsV4(address) && !only_v4) {
      const size_t colon = text.rfind(':');
      text = absl::StrFormat("[::ffff:%s]%s", text.substr(0, colon), text.substr(colon));
    }
    texts.push_back(absl::StrReplaceAll(text, {{"[", "%5B"}, {"]", "%5D"}}));
  }
  return (only_v4 ? "ipv4:" : "ipv6:") + absl::StrJoin(texts, ",");
}

// The path as it is written: a URI's %, ? and # would say something else.
std::string UriOf(std::string_view unix_path) {
  std::string uri = "unix:";
  for (const char c : unix_path) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    if (plain) {
      uri.push_back(c);
    } else {
      absl::StrAppendFormat(&uri, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

grpc::ChannelArguments Arguments(const v1::Callback& callback,
                                 const config::CallbackTarget& target) {
  grpc::ChannelArguments arguments;
  const int most = MaxAnswerMessageBytes(callback);
  arguments.SetMaxReceiveMessageSize(most);
  // gRPC judges a message's size when it has all of it: what arrives until then is bounded by this.
  grpc::ResourceQuota quota("callback");
  quota.Resize(kQuotaBase + 2 * static_cast<size_t>(most));
  arguments.SetResourceQuota(quota);
  const std::pair<const char*, int> numbers[] = {
      {GRPC_ARG_MAX_METADATA_SIZE, 8 << 10},
      {GRPC_ARG_ENABLE_HTTP_PROXY, 0},  // http_proxy is meant for other traffic
      {GRPC_ARG_ENABLE_RETRIES, 0},     // no call is repeated
      {GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1},
      // Pings only while a call runs: a server of gRPC with its defaults takes more for abuse.
      {GRPC_ARG_KEEPALIVE_TIME_MS, 60'000},
      {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000},
      {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0},
      {GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100},
      {GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000},  // how long one attempt to connect may take
      {GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000},
  };
  for (const auto& [name, value] : numbers) arguments.SetInt(name, value);
  if (!target.host.empty()) {
    const bool v6 = target.host.find(':') != std::string::npos;
    const std::string host = v6 ? absl::StrFormat("[%s]", target.host) : target.host;
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, absl::StrFormat("%s:%d", host, target.port));
  }
  if (!callback.tls().server_name().empty()) {
    arguments.SetSslTargetNameOverride(callback.tls().server_name());
  }
  return arguments;
}

// Not where the last reference goes: that may be on a thread of gRPC's callbacks, and the last
// channel of the process joins these threads, so it would wait for itself. An alarm runs elsewhere.
void DestroyElsewhere(std::shared_ptr<grpc::Channel> channel) {
  auto alarm = std::make_shared<grpc::Alarm>();
  grpc::Alarm& set = *alarm;
  set.Set(std::chrono::system_clock::now(),
          [alarm = std::move(alarm), channel = std::move(channel)](bool) mutable {
            channel.reset();
            alarm.reset();
          });
}

}  // namespace

int MaxAnswerMessageBytes(const v1::Callback& callback) {
  const BodyRule body = RequestBodyRule(callback);
  const uint64_t replaced = body.mode == v1::BODY_MODE_FULL ? body.max_bytes : 0;
  return static_cast<int>(std::max(kMaxAnswerBodyBytes, replaced) + kSmallPartsBytes);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(
    const v1::Callback& callback, const config::CallbackTarget& target,
    const std::vector<net::Address>& addresses) {
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (callback.has_tls()) {
    ROUTER_ASSIGN_OR_RETURN(credentials, MakeTlsCredentials(callback.tls()));
  }
  const std::string uri =
      target.unix_path.empty() ? UriOf(addresses) : UriOf(std::string_view(target.unix_path));
  std::shared_ptr<grpc::Channel> channel =
      grpc::CreateCustomChannel(uri, credentials, Arguments(callback, target));
  grpc::Channel* const raw = channel.get();
  return std::shared_ptr<grpc::Channel>(raw,
                                        [channel = std::move(channel)](grpc::Channel*) mutable {
                                          DestroyElsewhere(std::move(channel));
                                        });
}

}  // namespace vllm_router::callbacks
