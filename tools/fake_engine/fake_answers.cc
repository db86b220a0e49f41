// The /fake/ endpoints: what FakeEngine offers in-process, for tests that start the binary.
#include <unistd.h>

#include <ctime>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "simdjson.h"
#include "tools/fake_engine/engine.h"
#include "tools/fake_engine/server_answers.h"
#include "tools/fake_engine/text.h"

namespace vllm_router::fake_engine {
namespace {

uint64_t ProcessCpuNs() {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<uint64_t>(spent.tv_sec) * 1'000'000'000u +
         static_cast<uint64_t>(spent.tv_nsec);
}

void AppendStats(Engine& engine, std::string* out) {
  const Counters c = engine.ledger().counters();
  const std::vector<Abort> aborts = engine.ledger().aborts();
  const auto ns = [](const auto& time) {
    return static_cast<int64_t>(time.time_since_epoch().count());
  };
  Append(out, R"({"requests":)", c.requests, R"(,"requests_begun":)", c.requests_begun,
         R"(,"in_flight":)", c.in_flight, R"(,"answered":)", c.answered, R"(,"running":)",
         c.running, R"(,"waiting":)", c.waiting, R"(,"streams_open":)", c.streams_open,
         R"(,"streams_finished":)", c.streams_finished, R"(,"tokens_sent":)", c.tokens_sent,
         R"(,"cut":)", c.cut, R"(,"faults":)", c.faults, R"(,"aborts":)", c.aborts,
         R"(,"scrapes":)", c.scrapes, R"(,"last_abort_unix_ns":)",
         aborts.empty() ? 0 : ns(aborts.back().wall), R"(,"last_abort_monotonic_ns":)",
         aborts.empty() ? 0 : ns(aborts.back().at), R"(,"last_abort_phase":)");
  if (aborts.empty()) {
    Append(out, "null");
  } else {
    Append(out, "\"", PhaseName(aborts.back().phase), "\"");
  }
  Append(out, R"(,"connections_open":)", c.connections_open, R"(,"connections_accepted":)",
         c.connections_accepted, R"(,"listening":)", engine.port().listening() ? "true" : "false",
         R"(,"pid":)", ::getpid(), R"(,"cpu_ns":)", ProcessCpuNs(), R"(,"unix_ns":)",
         ns(base::Clock::Real().WallNow()), R"(,"monotonic_ns":)", ns(base::Clock::Real().Now()),
         "}");
}

void AppendRequests(Engine& engine, std::string* out) {
  Append(out, R"({"requests":[)");
  bool first = true;
  for (const RecordedRequest& request : engine.ledger().LastRequests()) {
    Append(out, first ? "" : ",", R"({"id":)", request.id, R"(,"connection":)", request.connection,
           R"(,"method":")", base::JsonEscape(request.Method()), R"(","target":")",
           base::JsonEscape(request.Target()), R"(","head":")", base::JsonEscape(request.head),
           R"(","body":")", base::JsonEscape(request.body), R"(","body_bytes":)",
           request.body_bytes, "}");
    first = false;
  }
  Append(out, "]}");
}

using Json = simdjson::dom::element;

absl::Status Wrong(std::string_view key) {
  return absl::InvalidArgumentError(absl::StrFormat("'%s' has a wrong value", key));
}

absl::Status ControlFault(Engine& engine, std::string_view text, uint64_t times) {
  const absl::StatusOr<Fault> fault = ParseFault(text);
  if (!fault.ok()) return fault.status();
  if (fault->kind == FaultKind::kRefuse) return engine.port().StopListening();
  engine.script().SetFault(*fault, times);
  return absl::OkStatus();
}

absl::Status ControlListen(Engine& engine, bool listen, uint64_t again_after_ms) {
  if (listen) return engine.port().StartListening();
  if (again_after_ms > 0) return engine.PauseListening(std::chrono::milliseconds(again_after_ms));
  return engine.port().StopListening();
}

absl::Status ControlDuration(const Json& value, std::string_view key, base::Duration* out) {
  double milliseconds = 0;
  if (value.get(milliseconds) != simdjson::SUCCESS || !(milliseconds >= 0 && milliseconds <= 3.6e6))
    return Wrong(key);
  *out = base::Duration(static_cast<int64_t>(milliseconds * 1e6));
  return absl::OkStatus();
}

absl::Status ControlOne(Engine& engine, std::string_view key, const Json& value, const Json& all) {
  const auto number_of = [&all](std::string_view name) {
    uint64_t number = 0;
    return all[name].get(number) == simdjson::SUCCESS ? number : 0;
  };
  std::string_view text;
  bool flag = false;
  uint64_t number = 0;
  if (key == "fault") {
    if (value.get(text) != simdjson::SUCCESS) return Wrong(key);
    return ControlFault(engine, text, number_of("fault_times"));
  }
  if (key == "listen") {
    if (value.get(flag) != simdjson::SUCCESS) return Wrong(key);
    return ControlListen(engine, flag, number_of("listen_after_ms"));
  }
  if (key == "close_connections") {
    if (value.get(text) != simdjson::SUCCESS || (text != "close" && text != "reset"))
      return Wrong(key);
    // At the end of the turn: the connection that asked has its answer by then.
    engine.CloseConnectionsSoon(text == "reset");
    return absl::OkStatus();
  }
  if (key == "ttft_ms") return ControlDuration(value, key, &engine.pacing().ttft);
  if (key == "itl_ms") return ControlDuration(value, key, &engine.pacing().itl);
  if (key == "fault_times" || key == "listen_after_ms") return absl::OkStatus();
  if (value.get(number) != simdjson::SUCCESS || number > 10'000'000) return Wrong(key);
  if (key == "tokens") {
    engine.pacing().tokens = static_cast<uint32_t>(number);
  } else if (key == "health_status" && number >= 200 && number <= 599) {
    engine.script().health_status = static_cast<int>(number);
  } else {
    return Wrong(key);
  }
  return absl::OkStatus();
}

absl::Status Control(Engine& engine, std::string_view json) {
  simdjson::dom::parser parser;
  Json all;
  simdjson::dom::object members;
  if (parser.parse(json.data(), json.size()).get(all) != simdjson::SUCCESS ||
      all.get(members) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("the body must be one JSON object");
  }
  for (const auto [key, value] : members) {
    const absl::Status status = ControlOne(engine, key, value, all);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

ServerAnswer AnswerFakeRequest(Engine& engine, const Request& request, std::string* body) {
  body->clear();
  switch (request.endpoint->api) {
    case Api::kFakeStats:
      AppendStats(engine, body);
      return {};
    case Api::kFakeRequests:
      AppendRequests(engine, body);
      return {};
    case Api::kFakeReset:
      engine.Reset();
      body->assign("{}");
      return {};
    default: {
      const absl::Status status = Control(engine, request.body);
      body->assign(status.ok() ? "{}" : ErrorBody(400, base::StdView(status.message())));
      return {.status = status.ok() ? 200 : 400};
    }
  }
}

}  // namespace vllm_router::fake_engine
