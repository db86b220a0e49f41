// One check of a backend: the real request, and when that fails the question whether the engine
// sleeps; for an operator also what models it lists.
#ifndef SERVER_HEALTH_CHECKUP_H_
#define SERVER_HEALTH_CHECKUP_H_

#include <functional>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "server/health/target.h"
#include "server/net/address.h"
#include "server/net/tls.h"

namespace boost::asio {
class io_context;
}

namespace vllm_router::health {

struct Checkup {
  Target target;
  std::vector<net::Address> addresses;  // empty: its name does not resolve
  net::TlsContext tls;                  // for targets without one of their own
  base::Duration timeout{0};            // of each question
  bool list_models = false;             // ask for GET /v1/models too, if it answers at all
};

struct CheckupOutcome {
  bool healthy = false;
  bool sleeping = false;  // not healthy, and the engine says why
  int http_status = 0;    // of the real request; 0: there was no whole answer
  std::string detail{};   // for people; holds nothing of the request
  base::Duration latency{0};
  std::vector<std::string> models{};
};

// Runs on the thread of `io`, and calls `done` there once, never before it has returned itself;
// `done` is destroyed uncalled when `io` is destroyed first.
void StartCheckup(boost::asio::io_context& io, Checkup checkup,
                  std::function<void(const CheckupOutcome&)> done);

}  // namespace vllm_router::health

#endif  // SERVER_HEALTH_CHECKUP_H_
