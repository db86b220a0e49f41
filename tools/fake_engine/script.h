// What a test has told the engine to do with the requests to come. Belongs to the engine's thread.
#ifndef TOOLS_FAKE_ENGINE_SCRIPT_H_
#define TOOLS_FAKE_ENGINE_SCRIPT_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "tools/fake_engine/fault.h"

namespace vllm_router::fake_engine {

// What becomes of the connection behind an answer.
enum class End : uint8_t {
  kKeepAlive,  // the next request may come
  kClose,      // orderly end
  kReset,      // TCP reset
  kHang,       // nothing more, until the client goes
};

// Exact bytes in place of an answer, the head included.
struct CannedAnswer {
  struct Piece {
    std::string bytes;
    base::Duration after{0};  // since the piece before; each piece is a write of its own
  };
  std::vector<Piece> pieces;
  End end = End::kKeepAlive;
  std::string path = {};  // only for requests to this path; empty: any that asks a model

  static CannedAnswer Bytes(std::string bytes, End end = End::kKeepAlive) {
    return {.pieces = {{.bytes = std::move(bytes)}}, .end = end};
  }
};

class Script {
 public:
  explicit Script(Fault fault) : fault_(fault) {}

  // `times` 0: every request from now on.
  void SetFault(Fault fault, uint64_t times) {
    fault_ = fault;
    fault_times_ = times;
  }
  // The fault for one more request.
  Fault TakeFault() {
    const Fault fault = fault_;
    if (fault_times_ > 0 && --fault_times_ == 0) fault_ = Fault{};
    return fault;
  }
  void Enqueue(CannedAnswer answer) { canned_.push_back(std::move(answer)); }
  // The oldest canned answer that is meant for this path.
  std::optional<CannedAnswer> TakeCanned(std::string_view path, bool asks_model) {
    for (auto answer = canned_.begin(); answer != canned_.end(); ++answer) {
      if (answer->path.empty() ? !asks_model : answer->path != path) continue;
      CannedAnswer taken = std::move(*answer);
      canned_.erase(answer);
      return taken;
    }
    return std::nullopt;
  }

  bool holding = false;     // requests that ask a model wait for the test
  int health_status = 200;  // of GET /health and /ping
  bool sleeping = false;

  void Reset() { *this = Script(Fault{}); }

 private:
  Fault fault_;
  uint64_t fault_times_ = 0;
  std::deque<CannedAnswer> canned_;
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_SCRIPT_H_
