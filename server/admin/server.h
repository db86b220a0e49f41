// The gRPC server of the admin API: address, credentials, limits, and the standard services beside
// ours (grpc.health.v1.Health, reflection v1alpha, channelz).
//
//   Server server(options);
//   server.AddService(&router_admin);
//   ROUTER_RETURN_IF_ERROR(server.Start());
//   ...
//   server.Shutdown(std::chrono::seconds(5));
//
// Life: made, given its services, started, shut down; once. Start and Shutdown are for one thread,
// the rest is thread-safe after Start. Handlers run on gRPC's threads.
//
// gRPC 1.51 has no limit on the number of connections; streams, threads and memory are what is
// bounded here. Health and reflection know no roles: whoever can connect may ask them.
#ifndef SERVER_ADMIN_SERVER_H_
#define SERVER_ADMIN_SERVER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/net/tls.h"

namespace grpc {
class ServerContextBase;
class Service;
}  // namespace grpc

namespace vllm_router::admin {

struct ServerOptions {
  // HOST:PORT, [IPV6]:PORT or unix:PATH. Port 0 takes a free one. gRPC takes 0.0.0.0 for [::] too.
  std::string address = "127.0.0.1:50051";

  // Empty: no TLS. With a client_ca, clients have to show a certificate that it signed. Changed
  // files are in force for new connections after `tls_refresh` (whole seconds, at least one)
  // without a restart; while one of them cannot be used, the last good content stays, and while
  // certificate and key do not fit, new connections fail.
  net::ServerTlsFiles tls;
  base::Duration tls_refresh = std::chrono::seconds(1);

  // Callers are asked for tokens (see Authorizer).
  bool token_authentication = false;
  // Allows an address that others can reach without TLS or without authentication.
  bool insecure_ok = false;

  // Who may ask channelz, which shows the peers of all connections; the others' calls are
  // cancelled. Unset: whoever can connect. Called on gRPC's threads.
  std::function<bool(const grpc::ServerContextBase&)> may_use_channelz;

  // Reported as SERVING beside the server as a whole.
  std::vector<std::string> health_services = {"vllm_router.v1.RouterAdmin"};

  // ApplyConfig's limit; the handlers hold the others to theirs.
  int max_receive_bytes = 16 << 20;
  int max_metadata_bytes = 16 << 10;
  int max_streams_per_connection = 100;
  // Of messages and transports together; calls wait or are refused beyond it.
  size_t max_memory_bytes = 256u << 20;
  // For the services of gRPC's synchronous API (reflection, channelz).
  int max_threads = 16;
  // Then the client is told to connect again; streams that go on after the grace are cut, and
  // resume by their tokens.
  base::Duration max_connection_age = std::chrono::hours(1);
  base::Duration max_connection_age_grace = std::chrono::minutes(1);
};

class Server {
 public:
  explicit Server(ServerOptions options);
  // Shuts down without waiting for calls, if that has not been done.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Before Start. `service` outlives the server.
  void AddService(grpc::Service* service);

  // InvalidArgument: the address or the TLS files are no good. FailedPrecondition: others could
  // reach it without proving who they are, or somebody else has the socket. Unavailable: it cannot
  // be bound. The message names the address or the file.
  absl::Status Start();

  // As they are really bound: "127.0.0.1:40123", "unix:/run/admin.sock". Empty before Start.
  const std::vector<std::string>& addresses() const;

  // What the health service says. SERVING since Start.
  void SetServing(bool serving);

  // NOT_SERVING from now on, no new calls; those that run have `grace` to end and are then
  // cancelled. Returns when all handlers have returned. Safe to call twice.
  void Shutdown(base::Duration grace);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_SERVER_H_
