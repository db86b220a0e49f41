#include "client/cpp/src/channel.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace vllm_router {
namespace {

// The whole configuration with thousands of backends fits.
constexpr int kMostResponseBytes = 64 << 20;

absl::StatusOr<std::string> ReadFile(const std::string& path, const char* what) {
  if (path.empty()) return std::string();
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) {
    const int error = errno != 0 ? errno : EIO;  // an empty file inserts nothing, too
    return absl::ErrnoToStatus(error, absl::StrFormat("cannot read %s %s", what, path));
  }
  return content.str();
}

std::string_view HostOf(std::string_view address) {
  if (!address.empty() && address.front() == '[') {
    return address.substr(1, std::min(address.find(']'), address.size()) - 1);
  }
  return address.substr(0, address.find(':'));
}

bool StaysOnThisMachine(std::string_view address) {
  const std::string_view host = HostOf(address);
  return address.substr(0, 5) == "unix:" || host == "localhost" || host == "::1" ||
         host.substr(0, 4) == "127.";
}

// gRPC takes a target for a URI, in which a path's %, ? and # would say something else. The router
// listens on the path as it is written.
std::string TargetOf(const std::string& address) {
  constexpr std::string_view kUnix = "unix:";
  if (std::string_view(address).substr(0, kUnix.size()) != kUnix) return address;
  std::string target(kUnix);
  for (const char c : std::string_view(address).substr(kUnix.size())) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    if (plain) {
      target.push_back(c);
    } else {
      absl::StrAppendFormat(&target, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return target;
}

bool IsVisibleAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

absl::StatusOr<std::string> Token(const ClientOptions& options) {
  if (options.bearer_token_file.empty()) return options.bearer_token;
  absl::StatusOr<std::string> token = ReadFile(options.bearer_token_file, "the token file");
  if (!token.ok()) return token.status();
  absl::StripAsciiWhitespace(&*token);
  if (token->empty() || !IsVisibleAscii(*token)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the token file %s holds no token", options.bearer_token_file));
  }
  return token;
}

absl::Status Check(const ClientOptions& options) {
  if (options.address.empty()) return absl::InvalidArgumentError("the address is empty");
  const bool token = !options.bearer_token.empty() || !options.bearer_token_file.empty();
  if (!options.bearer_token.empty() && !options.bearer_token_file.empty()) {
    return absl::InvalidArgumentError("a token and a token file exclude each other");
  }
  if (!IsVisibleAscii(options.bearer_token)) {
    return absl::InvalidArgumentError("the token has characters that no token has");
  }
  if (token && !options.tls.has_value() && !options.token_in_plain_text &&
      !StaysOnThisMachine(options.address)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "a token would go to %s in plain text: TLS is needed (a CA file)", options.address));
  }
  if (options.tls.has_value() && options.tls->cert_file.empty() != options.tls->key_file.empty()) {
    return absl::InvalidArgumentError("a client certificate needs both its file and its key's");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(
    const ClientOptions& options) {
  if (!options.tls.has_value()) return grpc::InsecureChannelCredentials();
  absl::StatusOr<std::string> ca = ReadFile(options.tls->ca_file, "the CA file");
  if (!ca.ok()) return ca.status();
  absl::StatusOr<std::string> cert = ReadFile(options.tls->cert_file, "the certificate");
  if (!cert.ok()) return cert.status();
  absl::StatusOr<std::string> key = ReadFile(options.tls->key_file, "the key");
  if (!key.ok()) return key.status();
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = *std::move(ca);
  ssl.pem_cert_chain = *std::move(cert);
  ssl.pem_private_key = *std::move(key);
  return grpc::SslCredentials(ssl);
}

grpc::ChannelArguments Arguments(const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMostResponseBytes);
  if (!options.user_agent.empty()) arguments.SetUserAgentPrefix(options.user_agent);
  // An admin address is reached directly: http_proxy is meant for other traffic.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // gRPC would answer from memory for a second and more after a failed connect; our own backoff
  // decides when to try again.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // In spite of its name the time that a connection may take to be made, TLS included.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // Two clients in one process are two peers to the router's limits and to its audit.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (options.tls.has_value() && !options.tls->server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.tls->server_name);
  }
  return arguments;
}

}  // namespace

absl::Status Channel::Authorize(grpc::ClientContext* context) const {
  absl::StatusOr<std::string> token = Token(options);
  if (!token.ok()) return token.status();
  // As metadata, not as call credentials: gRPC refuses those on a plain-text channel.
  if (!token->empty()) context->AddMetadata("authorization", "Bearer " + *token);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Channel>> MakeChannel(const ClientOptions& options) {
  if (absl::Status status = Check(options); !status.ok()) return status;
  if (absl::StatusOr<std::string> token = Token(options); !token.ok()) return token.status();
  auto credentials = Credentials(options);
  if (!credentials.ok()) return credentials.status();
  auto channel = std::make_shared<Channel>();
  channel->options = options;
  channel->grpc =
      grpc::CreateCustomChannel(TargetOf(options.address), *credentials, Arguments(options));
  return channel;
}

std::string MethodPath(const char* rpc) {
  return absl::StrFormat("/vllm_router.v1.RouterAdmin/%s", rpc);
}

}  // namespace vllm_router
