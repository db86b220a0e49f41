// Answers about the server itself: health, models, metrics, sleep, and our own /fake/ endpoints.
// Belongs to the engine's thread.
#ifndef TOOLS_FAKE_ENGINE_SERVER_ANSWERS_H_
#define TOOLS_FAKE_ENGINE_SERVER_ANSWERS_H_

#include <string>
#include <string_view>

#include "tools/fake_engine/answer_head.h"
#include "tools/fake_engine/request.h"

namespace vllm_router::fake_engine {

class Engine;

struct ServerAnswer {
  int status = 200;
  std::string_view content_type = kJson;  // a constant; empty: none
};

// For endpoints that do not ask a model. `body` is overwritten.
ServerAnswer AnswerServerRequest(Engine& engine, const Request& request, std::string* body);

// GET /fake/stats: one JSON object with the members of Counters, `last_abort_unix_ns` and
// `last_abort_monotonic_ns` (0: none), `listening`, `pid`, `cpu_ns` (of the process) and the time.
// GET /fake/requests: the last requests, oldest first:
// {"requests":[{"id","connection","method","target","head","body", "body_bytes"}]}. Bytes that are
// not UTF-8 become U+FFFD. POST /fake/reset: Engine::Reset. POST /fake/control: a JSON object with
// any of
//   "fault": "KIND[:ARG]", with "fault_times": N (0 or absent: until changed); "refuse" stops
//   listening "listen": bool; with false also "listen_after_ms": N, which opens the port again by
//   itself "close_connections": "close" or "reset" (all of them, when this request has been
//   answered) "health_status": N; "ttft_ms", "itl_ms": decimals; "tokens": N
ServerAnswer AnswerFakeRequest(Engine& engine, const Request& request, std::string* body);

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_SERVER_ANSWERS_H_
