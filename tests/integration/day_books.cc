#include "tests/integration/day_books.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "server/openai/error.h"

namespace vllm_router::test {
namespace {

using Ending = fake_engine::RecordedAnswer::Ending;

std::string Unquoted(const std::string& json) {
  return json.size() >= 2 && json.front() == '"' ? json.substr(1, json.size() - 2) : json;
}

uint64_t Number(const Line& line, const std::string& name) {
  return base::ParseUint(line.at(name)).value_or(0);
}

// How a request ended, as far as its client can tell: "STATUS CAUSE".
std::string EndOf(const Visit& visit) {
  std::string cause = "completed";
  const std::string code = ErrorCode(visit.body);
  if (visit.left) {
    cause = "client_aborted";
  } else if (visit.broken() || !visit.whole) {
    cause = "backend_died";
  } else if (!visit.readable || code == "model_not_found") {
    cause = "rejected";
  } else if (visit.status == 502) {
    cause = visit.fault == "malformed-head" ? "backend_protocol" : "backend_connect";
  } else if (visit.status >= 500) {
    cause = "backend_status";
  }
  return absl::StrFormat("%d %s", visit.status == 0 ? 499 : visit.status, cause);
}

// Output tokens that a body tells of, and whether it says so itself.
struct Tokens {
  uint64_t count = 0;
  bool said = false;
};
Tokens TokensOf(const Visit& visit) {
  const uint64_t events = visit.content_events();
  const std::optional<uint64_t> said = SaidOutputTokens(visit.sent_by_engine());
  // A stream of messages says at its begin that it has none yet.
  const bool whole = visit.whole && !visit.broken();
  if (said && (whole || events <= *said)) return {*said, true};
  return {events, false};
}

bool Rejected(const Visit& visit) { return EndOf(visit).ends_with(" rejected"); }

}  // namespace

DayBooks::DayBooks(const DayRecords& records) : records_(records) {
  for (const Visit& visit : records.visits) {
    const auto lines = records.lines.find(visit.id);
    if (lines == records.lines.end() || lines->second.size() != 1) {
      ADD_FAILURE() << visit.id << " has not exactly one line in the access log";
      continue;
    }
    SCOPED_TRACE(visit.id);
    Enter(visit, lines->second.front());
  }
}

void DayBooks::Enter(const Visit& visit, Line line) {
  for (const char* name : {"cause", "backend", "model", "tokens"})
    line[name] = Unquoted(line[name]);
  const std::string end = line["status"] + " " + line["cause"];
  ++endings_[end];
  EXPECT_EQ(line["request_bytes"], std::to_string(visit.request_bytes));
  EXPECT_EQ(line["model"], visit.readable ? visit.model : "null");
  EXPECT_EQ(line["stream"], visit.stream && visit.readable ? "true" : "false");
  EXPECT_EQ(line["path"], Quoted(std::string(visit.dialect->path)));
  visit.left ? CheckLeft(visit, line) : CheckFinished(visit, line);
  CheckEngines(visit, line);
  AddUp(visit, line);
}

// Who has stayed has seen all that the router did.
void DayBooks::CheckFinished(const Visit& visit, const Line& line) {
  EXPECT_EQ(line.at("status") + " " + line.at("cause"), EndOf(visit)) << visit.body;
  if (visit.whole) {
    EXPECT_EQ(line.at("answer_bytes"), std::to_string(visit.body.size()));
  } else {
    EXPECT_GE(Number(line, "answer_bytes"), visit.body.size()) << "the cut may overtake bytes";
  }
  if (Rejected(visit) || visit.status == 502) {
    EXPECT_EQ(line.at("output_tokens"), "null");
    return;
  }
  const Tokens tokens = TokensOf(visit);
  EXPECT_EQ(line.at("output_tokens"), std::to_string(tokens.count));
  EXPECT_EQ(line.at("tokens"), tokens.said ? "reported" : "counted");
  const std::optional<uint64_t> input = SaidInputTokens(visit.sent_by_engine());
  EXPECT_EQ(line.at("input_tokens"), input ? std::to_string(*input) : "null");
}

// Who leaves has not seen what was on its way to it: the router has relayed as much, or more.
void DayBooks::CheckLeft(const Visit& visit, const Line& line) {
  std::string end = line.at("status") + " " + line.at("cause");
  // An engine that died before the router saw that the client had gone was the cause.
  const auto entries = records_.engine_entries.find(visit.id);
  const bool died = entries != records_.engine_entries.end() &&
                    entries->second.back().answer.ending == Ending::kCut;
  if (died && end == "200 backend_died") end = "200 client_aborted";
  EXPECT_EQ(end, EndOf(visit));
  EXPECT_GE(Number(line, "answer_bytes"), visit.body.size());
  EXPECT_GE(Number(line, "output_tokens"), visit.content_events());
  if (visit.leaves == Visit::Leaves::kAtStop) {
    EXPECT_EQ(Number(line, "output_tokens"), visit.tokens) << "the engine did not send more";
  }
}

// What the engines did for it: one of them has answered, or is the last that was asked.
void DayBooks::CheckEngines(const Visit& visit, const Line& line) {
  const auto routes = records_.routes.find(visit.id);
  const size_t attempts = routes == records_.routes.end() ? 0 : routes->second.size();
  EXPECT_EQ(Number(line, "attempts"), attempts);
  if (attempts == 0) {
    EXPECT_EQ(line.at("backend"), "null");
    EXPECT_TRUE(Rejected(visit) || visit.status == 0) << "nobody was asked";
    EXPECT_FALSE(records_.engine_entries.contains(visit.id));
    return;
  }
  retried_ += attempts > 1 ? 1 : 0;
  EXPECT_EQ(line.at("backend"), routes->second.back());
  const EngineEntry* answered = nullptr;
  const auto entries = records_.engine_entries.find(visit.id);
  if (entries != records_.engine_entries.end()) {
    // A kept connection that dies before its answer is replaced once within the attempt.
    EXPECT_LE(entries->second.size(), 2 * attempts);
    for (const EngineEntry& entry : entries->second) {
      EXPECT_EQ(entry.answer.model, visit.model == "nick" ? "alpha" : visit.model);
      if (entry.url == line.at("backend")) {
        answered = &entry;
      } else {
        EXPECT_EQ(entry.answer.status, 0) << "only the last attempt has brought anything";
      }
    }
  }
  if (answered == nullptr || visit.status == 502) {
    EXPECT_TRUE(visit.status == 0 || visit.status == 502) << "nobody has answered";
    EXPECT_TRUE(answered == nullptr || answered->answer.status == 0);
    return;
  }
  const fake_engine::RecordedAnswer& answer = answered->answer;
  const uint64_t tokens = Number(line, "output_tokens");
  if (visit.left) {
    EXPECT_NE(answer.ending, Ending::kWhole);
    EXPECT_LE(tokens, answer.tokens) << "some were on their way to the router";
  } else {
    EXPECT_EQ(answer.ending, visit.broken() || !visit.whole ? Ending::kCut : Ending::kWhole);
    EXPECT_EQ(answer.status, visit.status);
    EXPECT_EQ(tokens, visit.status == 200 && (visit.whole || visit.stream) ? answer.tokens : 0);
    if (line.at("input_tokens") != "null") {
      EXPECT_EQ(Number(line, "input_tokens"), answer.prompt_tokens);
    }
  }
}

void DayBooks::AddUp(const Visit& visit, const Line& line) {
  const auto add = [&](Counts& counts, const std::string& who, const std::string& what,
                       uint64_t count = 1) {
    if (count > 0) counts[who + " " + what] += count;
  };
  const std::string& cause = line.at("cause");
  const std::string end = cause == "completed"        ? "finished"
                          : cause == "client_aborted" ? "aborted"
                                                      : absl::AsciiStrToUpper(cause);
  const auto routes = records_.routes.find(visit.id);
  const std::vector<std::string> asked =
      routes == records_.routes.end() ? std::vector<std::string>() : routes->second;
  const std::string model = !visit.readable         ? ""
                            : Rejected(visit)       ? "other"
                            : visit.model == "nick" ? "alpha"
                                                    : visit.model;

  // What an engine's answer has brought the router. What a client has not seen of it because it
  // left, and only that, is taken from the log.
  uint64_t bytes = visit.sent_by_engine().size();
  if (visit.left || !visit.whole) {
    bytes = Number(line, "answer_bytes");
    if (visit.left && cause == "backend_died") bytes -= openai::kBackendDiedEvent.size();
  }
  if (Rejected(visit) || visit.status == 502) bytes = 0;
  const uint64_t events =
      visit.left && visit.stream ? Number(line, "output_tokens") : visit.content_events();
  const bool whole = cause == "completed" || cause == "backend_status";
  const auto answered = [&](Counts& counts, const std::string& who) {
    add(counts, who, "bytes out", bytes);
    add(counts, who, "first tokens", events > 0 ? 1 : 0);
    add(counts, who, "token gaps", events > 0 ? events - 1 : 0);
    add(counts, who, "latencies", whole ? 1 : 0);
    add(counts, who, line.at("tokens") == "reported" ? "reported tokens" : "tokens",
        Number(line, "output_tokens"));
    add(counts, who, "prompt tokens", Number(line, "input_tokens"));
  };

  for (const std::string& who : {std::string("router"), model}) {
    if (who.empty()) continue;
    add(statistics_, who, "started");
    add(statistics_, who, end);
    add(statistics_, who, "bytes in", visit.request_bytes);
    answered(statistics_, who);
    // The page has less of them.
    add(page_, who, end);
    if (who == "router") continue;
    add(page_, who, "started");
    add(page_, who, "latencies", whole ? 1 : 0);
    add(page_, who, "first tokens", events > 0 ? 1 : 0);
  }
  for (size_t i = 0; i < asked.size(); ++i) {
    const bool last = i + 1 == asked.size();
    const std::string& url = asked[i];
    const std::string on_page = url + " " + model;
    const std::string attempt_end = last ? end : "BACKEND_CONNECT";
    add(statistics_, url, "started");
    add(statistics_, url, attempt_end);
    add(statistics_, url, "bytes in", visit.request_bytes);
    add(page_, on_page, "started");
    add(page_, on_page, "bytes in", visit.request_bytes);
    if (attempt_end.starts_with("BACKEND_") && attempt_end != "BACKEND_STATUS") {
      add(page_, on_page, "errors");
    }
    const bool good = attempt_end == "finished" && visit.status < 400;
    add(page_, on_page, good ? "success" : attempt_end == "aborted" ? "client_aborted" : "error");
    if (!last) continue;
    answered(statistics_, url);
    answered(page_, on_page);
  }
  if (visit.whole && visit.status >= 400) {
    add(page_, "router", visit.status < 500 ? "4xx" : "5xx");
  }
  add(page_, "router", "clients gone", end == "aborted" ? 1 : 0);
  add(page_, "router", "broken", end == "BACKEND_DIED" ? 1 : 0);
  add(statistics_, "router", "failovers", asked.size() > 1 ? asked.size() - 1 : 0);
}

}  // namespace vllm_router::test
