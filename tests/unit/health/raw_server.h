// A tiny engine for tests of health checks: reads one request per connection and answers with the
// bytes that the test says, or not at all.
#ifndef TESTS_UNIT_HEALTH_RAW_SERVER_H_
#define TESTS_UNIT_HEALTH_RAW_SERVER_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/base/mutex.h"
#include "server/net/tls.h"

namespace vllm_router::health {

class RawServer {
 public:
  // Gets a whole request; nullopt: the connection stays open without an answer. Runs on the
  // server's thread, one request at a time.
  using Answer = std::function<std::optional<std::string>(const std::string& request)>;

  // On 127.0.0.1, any free port. With `tls` it speaks TLS.
  explicit RawServer(Answer answer, net::TlsContext tls = {});
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  uint16_t port() const { return port_; }
  std::vector<std::string> requests();

 private:
  void Run();
  void Serve(int fd);

  const Answer answer_;
  const net::TlsContext tls_;
  int listen_fd_;
  int stop_fd_;
  uint16_t port_ = 0;
  base::Mutex mutex_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> hanging_;  // owned by thread_
  std::thread thread_;
};

// A port of 127.0.0.1 on which nobody listens, for as long as the object lives.
class RefusingPort {
 public:
  RefusingPort();
  ~RefusingPort();
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;

  uint16_t port() const { return port_; }

 private:
  int fd_;  // bound, not listening: the port cannot be given to anybody else
  uint16_t port_ = 0;
};

// A whole answer with a Content-Length.
std::string HttpAnswer(int status, const std::string& body);

}  // namespace vllm_router::health

#endif  // TESTS_UNIT_HEALTH_RAW_SERVER_H_
