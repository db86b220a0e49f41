// The composition root: makes every part, wires them, starts and stops them in order.
//
// Create, Start, then Shutdown from the same thread; WaitUntilShutdown is what main does with
// signals. Tests run it on port 0 in their own process.
#ifndef SERVER_APP_APP_H_
#define SERVER_APP_APP_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/app/flags.h"

namespace vllm_router::app {

class App {
 public:
  // Binds the port and builds the first generation; serves nothing yet. Errors are one line for the
  // operator.
  static absl::StatusOr<std::unique_ptr<App>> Create(StartRouter start);
  virtual ~App() = default;

  virtual void Start() = 0;
  virtual uint16_t port() const = 0;

  // The orderly end: not ready, drain delay, no new connections, running answers up to the grace,
  // then cut. `hurry` may be called from any thread (a second signal) to skip what is left of the
  // waiting.
  virtual void Shutdown() = 0;
  virtual void Hurry() = 0;
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_APP_H_
