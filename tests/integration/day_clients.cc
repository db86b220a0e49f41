#include "tests/integration/day_clients.h"

#include <chrono>
#include <optional>
#include <random>
#include <utility>

#include "gtest/gtest.h"
#include "tests/support/raw_client.h"

namespace vllm_router::test {
namespace {

constexpr std::chrono::seconds kPatience{30};

// One client: a connection, kept as long as both sides like.
class Client {
 public:
  Client(uint16_t port, const DayClients::Plan& plan, int index, DayLedger* ledger)
      : port_(port),
        plan_(plan),
        index_(index),
        random_(static_cast<uint32_t>(plan.seed * 1000 + index)),
        ledger_(*ledger) {}

  void Run() {
    for (int i = 0; i < plan_.requests; ++i) {
      Visit visit;
      const std::string request = Draw(i, &visit);
      Make(request, &visit);
      ledger_.Add(std::move(visit));
    }
  }

 private:
  uint32_t Below(uint32_t bound) { return random_() % bound; }
  bool Chance(uint32_t percent) { return Below(100) < percent; }

  // The next request, and what there is to know of it beforehand.
  std::string Draw(int number, Visit* visit) {
    visit->id = absl::StrFormat("day-%d-%d", index_, number);
    visit->dialect = &kDialects[Below(std::size(kDialects))];
    const uint32_t choice = Below(100);
    visit->model = choice < 42 ? "alpha" : choice < 80 ? "beta" : choice < 96 ? "nick" : "nobody";
    const bool served = visit->model == "alpha" || visit->model == "beta";  // at all times
    visit->stream = Chance(65);
    std::string headers =
        absl::StrFormat("X-Request-Id: %s\r\nx-user: user-%d\r\n", visit->id, Below(20));
    uint64_t tokens = 1 + Below(plan_.most_tokens);
    if (served && Chance(8)) {
      visit->leaves = Visit::Leaves::kBeforeHead;
      visit->fault = "hang-before-head";
    } else if (visit->stream && Chance(8)) {
      visit->leaves = Visit::Leaves::kAtStop;
      visit->tokens = 1 + Below(8);
      visit->fault = absl::StrFormat("hang-mid-stream:%d", visit->tokens);
      tokens = 1000;
    } else if (visit->stream && Chance(8)) {
      visit->leaves = Visit::Leaves::kInFlow;
      visit->tokens = 1 + Below(8);
      tokens = 100'000;
    } else if (Chance(15)) {
      const std::string faults[] = {"status:500",     "status:429", "close-before-head",
                                    "malformed-head", "short-body", "close-mid-stream:2"};
      visit->fault = faults[Below(std::size(faults))];
    }
    if (!visit->fault.empty()) headers += "X-Fake-Fault: " + visit->fault + "\r\n";
    headers += absl::StrFormat("X-Fake-Tokens: %d\r\n", tokens);
    std::string_view more;
    if (visit->stream && Chance(50)) more = R"(,"stream_options":{"include_usage":true})";
    std::string body = BodyOf(*visit->dialect, visit->model, visit->stream, more);
    if (Chance(2)) {
      visit->readable = false;
      visit->leaves = Visit::Leaves::kNever;
      body.pop_back();
    }
    visit->request_bytes = body.size();
    return PostJson(visit->dialect->path, body, headers);
  }

  void Make(const std::string& request, Visit* visit) {
    if (!connection_ || !connection_->open()) {
      absl::StatusOr<RawClient> connected = RawClient::Connect(port_, {.patience = kPatience});
      ASSERT_TRUE(connected.ok()) << connected.status();
      connection_.emplace(*std::move(connected));
    }
    const absl::Status sent = connection_->Send(request);
    EXPECT_TRUE(sent.ok()) << visit->id << ": " << sent;
    if (visit->leaves == Visit::Leaves::kBeforeHead) {
      visit->left = true;
      return connection_->Close();  // a reset would overtake the request
    }
    const absl::StatusOr<RawHead> head = connection_->ReadHead();
    if (!head.ok()) {
      ADD_FAILURE() << visit->id << ": " << head.status();
      return connection_->Close();
    }
    visit->status = head->status;
    if (visit->leaves >= Visit::Leaves::kAtStop && head->status == 200) {
      return ReadSome(visit);
    }
    const absl::StatusOr<std::string> body = connection_->ReadBody();
    visit->whole = body.ok();
    visit->body = body.ok() ? *body : connection_->partial_body();
    if (!body.ok() || head->Header("connection").value_or("") == "close") connection_->Close();
  }

  // A stream, up to the token after which the client goes, unless it ends before.
  void ReadSome(Visit* visit) {
    uint64_t content = 0;
    while (content < visit->tokens) {
      const absl::StatusOr<std::vector<std::string>> event = connection_->ReadEvents(1);
      if (!event.ok()) {
        EXPECT_TRUE(connection_->body_done()) << visit->id << ": " << event.status();
        visit->whole = connection_->body_done();
        return;
      }
      content += HasContent(*visit->dialect, event->front()) ? 1 : 0;
      visit->body += event->front() + "\n\n";
    }
    Leave(visit);
  }

  void Leave(Visit* visit) {
    visit->left = true;
    Chance(50) ? connection_->Close() : connection_->Reset();
  }

  const uint16_t port_;
  const DayClients::Plan plan_;
  const int index_;
  std::mt19937 random_;
  DayLedger& ledger_;
  std::optional<RawClient> connection_;
};

}  // namespace

void DayLedger::Add(Visit visit) {
  base::MutexLock lock(&mutex_);
  visits_.push_back(std::move(visit));
  changed_.notify_all();
}

// The analysis does not see that the condition variable gives the mutex back as it found it.
void DayLedger::WaitFor(size_t count) const ABSL_NO_THREAD_SAFETY_ANALYSIS {
  base::MutexLock lock(&mutex_);
  while (visits_.size() < count) changed_.wait(mutex_);
}

std::vector<Visit> DayLedger::visits() const {
  base::MutexLock lock(&mutex_);
  return visits_;
}

DayClients::DayClients(uint16_t port, const Plan& plan, DayLedger* ledger) {
  for (int i = 0; i < plan.clients; ++i) {
    threads_.emplace_back([=] { Client(port, plan, i, ledger).Run(); });
  }
}

void DayClients::Join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace vllm_router::test
