// The binary fake-engine: what it prints, its exit codes, and its /fake/ endpoints.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "simdjson.h"
#include "tests/unit/fake_engine/engine_fixture.h"

namespace vllm_router::fake_engine {
namespace {

// A child process whose output is read through a pipe.
class Child {
 public:
  explicit Child(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ROUTER_BINARY_DIR "/fake-engine");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      ::close(ends[0]);
      ::close(ends[1]);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ::fdopen(ends[0], "r");
  }
  ~Child() {
    if (pid_ > 0) (void)End(SIGKILL);
    std::fclose(output_);
  }

  std::string Line() {
    char line[512];
    return std::fgets(line, sizeof(line), output_) == nullptr ? "" : line;
  }
  // The exit code; -1 when a signal ended it.
  int End(int signal) {
    if (signal != 0) ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  FILE* output_ = nullptr;
};

uint16_t PortOf(const std::string& line) {
  const size_t colon = line.find(':');
  return colon == std::string::npos ? 0 : static_cast<uint16_t>(std::stoi(line.substr(colon + 1)));
}

test::RawResponse Ask(uint16_t port, std::string_view request) {
  return test::Fetch(port, request).value();
}

TEST(Binary, SaysWhereItListensAndEndsOnSigterm) {
  Child child({"--ports", "0,0", "--model=llama,other"});
  const std::string first = child.Line();
  const std::string second = child.Line();
  EXPECT_THAT(first, testing::MatchesRegex(
                         "fake-engine listening on 127\\.0\\.0\\.1:[0-9]+ model=llama\n"));
  const uint16_t ports[] = {PortOf(first), PortOf(second)};
  ASSERT_NE(ports[0], ports[1]);
  for (const uint16_t port : ports) {
    EXPECT_THAT(Ask(port, test::Get("/v1/models")).body, HasSubstr(R"("id":"other")"));
  }
  EXPECT_EQ(child.End(SIGTERM), 0);
}

TEST(Binary, BadFlagsAreOneLineAndExitCodeTwo) {
  Child child({"--tokens", "many"});
  EXPECT_EQ(child.Line(), "fake-engine: --tokens: 'many' is no valid N\n");
  EXPECT_EQ(child.Line(), "");
  EXPECT_EQ(child.End(0), 2);
}

TEST(Binary, HelpIsNoError) {
  Child child({"--help"});
  EXPECT_THAT(child.Line(), StartsWith("fake-engine: "));
  while (!child.Line().empty()) {
  }
  EXPECT_EQ(child.End(0), 0);
}

TEST(Binary, APortInUseIsExitCodeOne) {
  FakeEngine taken;
  ASSERT_TRUE(taken.Start().ok());
  Child child({"--port", std::to_string(taken.port())});
  EXPECT_THAT(child.Line(), StartsWith("fake-engine: cannot "));
  EXPECT_EQ(child.End(0), 1);
}

TEST(Binary, TellsItsFactsAndTakesOrders) {
  Child child({"--itl-ms=10", "--tokens=100000"});
  const uint16_t port = PortOf(child.Line());
  simdjson::dom::parser parser;
  const auto stats = [&] { return parser.parse(Ask(port, test::Get("/fake/stats")).body); };
  {
    test::RawClient client = test::RawClient::Connect(port).value();
    ASSERT_TRUE(client.Send(test::PostJson(kChatPath, ChatStream())).ok());
    ASSERT_TRUE(client.ReadHead().ok());
    ASSERT_TRUE(client.ReadEvents(3).ok());
    EXPECT_EQ(uint64_t(stats()["streams_open"]), 1u);
    EXPECT_GE(uint64_t(stats()["tokens_sent"]), 2u);
  }
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  simdjson::dom::element after = stats();
  while (uint64_t(after["aborts"]) == 0 && std::chrono::steady_clock::now() < deadline) {
    after = stats();
  }
  EXPECT_EQ(uint64_t(after["aborts"]), 1u);
  EXPECT_EQ(uint64_t(after["in_flight"]), 0u);
  EXPECT_GT(int64_t(after["last_abort_unix_ns"]), 0);
  EXPECT_LE(int64_t(after["last_abort_monotonic_ns"]), int64_t(after["monotonic_ns"]));
  EXPECT_EQ(std::string_view(after["last_abort_phase"]), "mid_answer");

  const std::string log = Ask(port, test::Get("/fake/requests")).body;
  const simdjson::dom::element recorded = parser.parse(log)["requests"].at(0);
  EXPECT_EQ(std::string_view(recorded["target"]), kChatPath);
  EXPECT_EQ(std::string_view(recorded["body"]), ChatStream());

  const auto control = [&](std::string_view json) {
    return Ask(port, test::PostJson("/fake/control", json)).head.status;
  };
  EXPECT_EQ(
      control(
          R"({"fault":"status:418","fault_times":1,"itl_ms":0,"tokens":2,"health_status":503})"),
      200);
  EXPECT_EQ(Ask(port, test::PostJson(kChatPath, Chat())).head.status, 418);
  EXPECT_EQ(Ask(port, test::PostJson(kChatPath, Chat())).head.status, 200);
  EXPECT_EQ(Ask(port, test::Get("/health")).head.status, 503);
  EXPECT_EQ(control(R"({"fault":"what"})"), 400);
  EXPECT_EQ(control(R"({"unknown":1})"), 400);
  EXPECT_EQ(control("nonsense"), 400);
  EXPECT_EQ(Ask(port, test::PostJson("/fake/reset", "{}")).head.status, 200);
  EXPECT_EQ(uint64_t(stats()["requests"]), 0u);
}

TEST(Binary, ListensAgainAfterAPause) {
  Child child({});
  const uint16_t port = PortOf(child.Line());
  test::RawClient kept = test::RawClient::Connect(port).value();
  ASSERT_TRUE(
      kept.Send(test::PostJson("/fake/control", R"({"listen":false,"listen_after_ms":50})")).ok());
  ASSERT_EQ(kept.ReadResponse().value().head.status, 200);
  EXPECT_FALSE(test::RawClient::Connect(port).ok());
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  bool back = false;
  while (!back && std::chrono::steady_clock::now() < deadline)
    back = test::RawClient::Connect(port).ok();
  EXPECT_TRUE(back);
}

}  // namespace
}  // namespace vllm_router::fake_engine
