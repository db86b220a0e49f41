#include "server/admin/server.h"

#include <grpcpp/ext/channelz_service_plugin.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/admin/channelz_gate.h"
#include "server/admin/grpc_log.h"
#include "server/admin/listen_address.h"
#include "server/admin/server_credentials.h"
#include "server/base/log.h"
#include "server/base/low_priority.h"
#include "server/base/status.h"

namespace vllm_router::admin {
namespace {

int Milliseconds(base::Duration d) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

// For the whole process: gRPC gives the plugins to every server that is built after this.
void InitGrpcOnce() {
  static std::once_flag once;
  std::call_once(once, [] {
    TakeOverGrpcLog();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::channelz::experimental::InitChannelzService();
  });
}

absl::Status CheckExposure(const ServerOptions& options, const ListenAddress& address) {
  if (options.insecure_ok || address.local_only()) return absl::OkStatus();
  const bool tls = !options.tls.certificate.empty();
  const bool authentication = !options.tls.client_ca.empty() || options.token_authentication;
  if (tls && authentication) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "the admin service would listen on %s, which others can reach, without %s%s%s; give "
      "--admin-tls-cert and --admin-tls-key, and --admin-tls-client-ca or --admin-tokens-file, or "
      "listen on loopback, or insist with --admin-insecure",
      address.text, tls ? "" : "TLS", tls || authentication ? "" : " and ",
      authentication ? "" : "authentication"));
}

// The addresses as gRPC takes them. Of a name's addresses one is enough: localhost has an IPv6 one
// on hosts without IPv6, too.
absl::StatusOr<std::vector<std::string>> Bindable(const ListenAddress& address) {
  if (address.is_unix()) {
    ROUTER_RETURN_IF_ERROR(ClaimUnixPath(address.unix_path));
    return std::vector<std::string>{"unix:" + address.unix_path};
  }
  std::vector<std::string> texts;
  absl::Status first_failure;
  for (const net::Address& one : address.addresses) {
    const absl::Status status = CheckBindable(one);
    if (status.ok()) {
      texts.push_back(net::ToString(one));
    } else {
      first_failure.Update(status);
    }
  }
  if (texts.empty()) return first_failure;
  return texts;
}

void SetLimits(const ServerOptions& options, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(options.max_receive_bytes);
  const std::pair<const char*, int> arguments[] = {
      {GRPC_ARG_MAX_METADATA_SIZE, options.max_metadata_bytes},
      {GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams_per_connection},
      {GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(options.max_connection_age)},
      {GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, Milliseconds(options.max_connection_age_grace)},
      {GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000},
      // A watcher that vanished without a word is noticed after 80 s.
      {GRPC_ARG_KEEPALIVE_TIME_MS, 60'000},
      {GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000},
      // Idle clients may ping, but no more often than this.
      {GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1},
      {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000},
      {GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2},
      // Else a second router would share the port in silence, and each get half of the calls.
      {GRPC_ARG_ALLOW_REUSEPORT, 0},
      {GRPC_ARG_ENABLE_CHANNELZ, 1},
  };
  for (const auto& [name, value] : arguments) builder->AddChannelArgument(name, value);
  grpc::ResourceQuota quota("admin");
  quota.Resize(options.max_memory_bytes);
  quota.SetMaxThreads(options.max_threads);
  builder->SetResourceQuota(quota);
  // The synchronous services need few threads: gRPC's default is one poller per processor.
  builder->SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder->SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder->SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
}

// Files that are made while it lives belong to their owner alone. Of the whole process: others that
// make files at this moment get them stricter, never looser.
class PrivateFiles {
 public:
  PrivateFiles() : before_(::umask(0077)) {}
  ~PrivateFiles() { ::umask(before_); }
  PrivateFiles(const PrivateFiles&) = delete;
  PrivateFiles& operator=(const PrivateFiles&) = delete;

 private:
  const mode_t before_;
};

std::string WithPort(const std::string& address, int port) {
  return absl::StrFormat("%s:%d", address.substr(0, address.rfind(':')), port);
}

}  // namespace

struct Server::Impl {
  ServerOptions options;
  std::vector<grpc::Service*> services;
  std::vector<std::string> addresses;
  std::unique_ptr<grpc::Server> server;  // stays after Shutdown, for a SetServing that is late
  bool shut_down = false;
};

Server::Server(ServerOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}

Server::~Server() { Shutdown(base::Duration::zero()); }

void Server::AddService(grpc::Service* service) { impl_->services.push_back(service); }

const std::vector<std::string>& Server::addresses() const { return impl_->addresses; }

absl::Status Server::Start() {
  const ServerOptions& options = impl_->options;
  ROUTER_ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress(options.address));
  ROUTER_RETURN_IF_ERROR(CheckExposure(options, address));
  ROUTER_ASSIGN_OR_RETURN(const auto credentials,
                          MakeServerCredentials(options.tls, options.tls_refresh));
  ROUTER_ASSIGN_OR_RETURN(const std::vector<std::string> bindable, Bindable(address));

  std::deque<int> ports(bindable.size(), 0);  // written by BuildAndStart
  // gRPC's threads are started here, or by those that are: they inherit the low priority.
  std::thread([&] {
    base::LowerPriority();
    InitGrpcOnce();
    grpc::ServerBuilder builder;
    SetLimits(options, &builder);
    for (size_t i = 0; i < bindable.size(); ++i) {
      builder.AddListeningPort(bindable[i], credentials, &ports[i]);
    }
    if (options.may_use_channelz) GuardChannelz(options.may_use_channelz, &builder);
    for (grpc::Service* service : impl_->services) builder.RegisterService(service);
    const PrivateFiles until_bound;
    impl_->server = builder.BuildAndStart();
  }).join();
  if (impl_->server == nullptr) {
    return absl::UnavailableError(
        absl::StrFormat("the admin service cannot listen on %s", address.text));
  }
  if (address.is_unix()) ::chmod(address.unix_path.c_str(), 0600);
  for (size_t i = 0; i < bindable.size(); ++i) {
    impl_->addresses.push_back(address.is_unix() ? bindable[i] : WithPort(bindable[i], ports[i]));
    ROUTER_LOG(kInfo, "Admin service listens on %s%s", impl_->addresses.back(),
               options.tls.certificate.empty() ? "" : " (TLS)");
  }
  SetServing(true);
  return absl::OkStatus();
}

void Server::SetServing(bool serving) {
  if (impl_->server == nullptr) return;
  grpc::HealthCheckServiceInterface* health = impl_->server->GetHealthCheckService();
  health->SetServingStatus(serving);  // of all that are known
  for (const std::string& name : impl_->options.health_services) {
    health->SetServingStatus(name, serving);
  }
}

void Server::Shutdown(base::Duration grace) {
  if (impl_->server == nullptr || impl_->shut_down) return;
  impl_->shut_down = true;
  impl_->server->GetHealthCheckService()->Shutdown();
  impl_->server->Shutdown(std::chrono::system_clock::now() + grace);
  impl_->server->Wait();
}

}  // namespace vllm_router::admin
