// A server for callback services, the gRPC service RouterCallback of proto/callback.proto: one
// thread, HTTP/2 by nghttp2, nothing else. A call costs a third of the processor time that it costs
// with gRPC's own server, and a request waits half as long for it (tools/bench/callbacks).
//
//   class Guard final : public CallbackService {
//     absl::StatusOr<v1::PreRequestResponse> PreRequest(const v1::PreRequestRequest& call)
//     override;
//   };
//
//   Guard guard;
//   auto server = CallbackServer::Listen("unix:/run/vllm-router/guard.sock", &guard);
//   if (!server.ok()) ...
//   absl::Status ended = (*server)->Run();  // until Stop()
//
// For services that answer at once, on the router's machine or in a network that is trusted. gRPC's
// own server is the right one for a service that waits for others (a database, a model) or needs
// TLS: this one answers one call after the other, in plain text.
//
// Any gRPC client may call. What a hostile one can do is bounded by the options: it costs its own
// connection, and its part of the processor.
#ifndef VLLM_ROUTER_CALLBACK_SERVER_H_
#define VLLM_ROUTER_CALLBACK_SERVER_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/callback.pb.h"

namespace vllm_router {

// What the service does. Called by the thread in Run(), one call after the other: no locks are
// needed, and whoever waits keeps all others waiting. Must not throw.
//
// A status other than OK is a failure of the callback to the router, which counts it and does what
// the registration's `failure_mode` says. A request is refused with an `answer`.
class CallbackService {
 public:
  virtual ~CallbackService() = default;
  // An empty response lets the request go on as it is.
  virtual absl::StatusOr<v1::PreRequestResponse> PreRequest(const v1::PreRequestRequest& call);
  virtual absl::StatusOr<v1::PostRequestResponse> PostRequest(const v1::PostRequestRequest& call);
};

struct CallbackServerOptions {
  // A longer message is RESOURCE_EXHAUSTED, and no more than its beginning is kept. The default has
  // room for two bodies of the longest that a registration may ask for.
  size_t max_message_bytes = 129u << 20;
  // Messages that come in or wait to be read by their client, of all calls together. The call that
  // goes beyond is RESOURCE_EXHAUSTED.
  size_t max_buffered_bytes = 512u << 20;
  // One more is closed at once. A router has one for each of its shards.
  size_t max_connections = 1000;
  // What has begun when Stop() is called has so long to end.
  absl::Duration drain = absl::Seconds(5);
};

class CallbackServer {
 public:
  // `address` is `unix:/path`, `unix:path`, `HOST:PORT` or `[IPV6]:PORT`; with port 0 the kernel
  // finds one. Clients can connect when this has returned. A socket file that nobody listens on any
  // more is replaced; one in use, and a file of another kind, is an error. Who may connect to a
  // socket file is decided by its directory and the umask.
  //
  // `service` outlives the server. Errors name the address.
  static absl::StatusOr<std::unique_ptr<CallbackServer>> Listen(
      const std::string& address, CallbackService* service,
      const CallbackServerOptions& options = {});
  // Closes what is open, and removes the socket file. Not while Run() runs.
  ~CallbackServer();
  CallbackServer(const CallbackServer&) = delete;
  CallbackServer& operator=(const CallbackServer&) = delete;

  // As given to Listen(), with the port that was found.
  const std::string& address() const;

  // Serves on the calling thread until Stop(), answers what has begun, and returns OK; any other
  // status is an error of the system. Once.
  absl::Status Run();

  // Ends Run(), now or when it is called. Any thread, any number of times, also from a signal
  // handler and from within a call.
  void Stop();

 private:
  class Impl;
  explicit CallbackServer(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace vllm_router

#endif  // VLLM_ROUTER_CALLBACK_SERVER_H_
