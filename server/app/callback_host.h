// The Python handler of --callbacks MODULE.INSTANCE: the process that runs it, the socket on which
// it serves the router, and how the router is to call it. Made, and stopped, on the main thread;
// the figures may be read on any.
#ifndef SERVER_APP_CALLBACK_HOST_H_
#define SERVER_APP_CALLBACK_HOST_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "proto/router.pb.h"
#include "server/app/config.h"
#include "server/callbacks/host_socket.h"
#include "server/callbacks/host_supervisor.h"

namespace vllm_router::app {

class CallbackHost {
 public:
  // Returns when the handler can be called; nullptr: there is none. `state_dir`: where
  // configurations are kept, and then the socket; empty: nowhere. The error is one line for the
  // operator; CancelledError when `given_up` is true meanwhile.
  static absl::StatusOr<std::unique_ptr<CallbackHost>> Start(const CallbackOptions& options,
                                                             const std::string& state_dir,
                                                             const std::function<bool()>& given_up);
  CallbackHost(const CallbackHost&) = delete;
  CallbackHost& operator=(const CallbackHost&) = delete;

  // How the router is to call it, so that it gets what it got in the original: all hooks that it
  // has, whole bodies and all headers; a request that it cannot judge is refused.
  v1::Callback Registration() const;
  // Ends the process and removes the socket. Safe to call twice.
  void Stop();

  uint64_t restarts() const { return supervisor_.restarts(); }
  bool ready() const { return supervisor_.ready(); }

 private:
  CallbackHost(callbacks::HostSocket socket, callbacks::HostOptions options)
      : socket_(std::move(socket)), supervisor_(std::move(options)) {}

  callbacks::HostSocket socket_;
  callbacks::HostSupervisor supervisor_;
  callbacks::HostStatus status_;
};

// The target of a handler's registration in a configuration that is kept in `state_dir`.
std::string KeptHostTarget(const std::string& state_dir);

}  // namespace vllm_router::app

#endif  // SERVER_APP_CALLBACK_HOST_H_
