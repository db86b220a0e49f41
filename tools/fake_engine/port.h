// The engine's listening port, which can stop and start again under the same number. While it does
// not listen it stays bound, so that connections are refused and nobody else takes the number.
// Belongs to the loop's thread.
#ifndef TOOLS_FAKE_ENGINE_PORT_H_
#define TOOLS_FAKE_ENGINE_PORT_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "server/net/event_loop.h"

namespace vllm_router::fake_engine {

class Port final : private net::EventHandler {
 public:
  // `on_accept` gets a non-blocking descriptor and owns it.
  Port(net::EventLoop& loop, std::function<void(int fd)> on_accept)
      : loop_(loop), on_accept_(std::move(on_accept)) {}
  ~Port();

  // Binds (port 0: any) and, if asked to, listens. Errors name host and port.
  absl::Status Bind(const std::string& host, uint16_t port, bool listen);
  absl::Status StartListening();
  absl::Status StopListening();

  uint16_t number() const { return number_; }
  bool listening() const { return listening_; }
  // A descriptor has become free: takes whoever waited for one.
  void DescriptorFreed() {
    if (starved_) AcceptAll();
  }

 private:
  void OnEvents(uint32_t) override { AcceptAll(); }
  void AcceptAll();
  void CloseFd();

  net::EventLoop& loop_;
  const std::function<void(int fd)> on_accept_;
  std::string host_;
  int fd_ = -1;
  uint16_t number_ = 0;
  bool listening_ = false;
  bool starved_ =
      false;  // accepting failed for want of a descriptor; no new event tells of those who wait
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_PORT_H_
