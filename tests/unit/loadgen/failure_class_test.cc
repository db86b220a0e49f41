// Each way in which a server can fail, and what the run calls it.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "tools/loadgen/modes.h"

namespace vllm_router::loadgen {
namespace {

using ::testing::HasSubstr;

// Takes one connection, reads one request head, says `answer`, and ends the connection, with a
// reset if so asked. Without an accepting thread the port refuses.
class OneShotServer {
 public:
  OneShotServer(std::string answer, bool reset) : answer_(std::move(answer)), reset_(reset) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneShotServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  void Serve() {
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n{") == std::string::npos) {
      const ssize_t got = ::recv(fd, buffer, sizeof(buffer), 0);
      if (got <= 0) break;
      request.append(buffer, static_cast<size_t>(got));
    }
    EXPECT_EQ(::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(answer_.size()));
    const linger hard{.l_onoff = reset_ ? 1 : 0, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    ::close(fd);
  }

  const std::string answer_;
  const bool reset_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

Report RunOne(const std::string& url, Mode mode) {
  const Options options =
      *ParseOptions({ModeName(mode), url, "--requests=1", "--body=400", "--timeout-seconds=5"});
  const Address address = *Resolve(options.target);
  const std::string request = MakePost(options.target, *BodyOf(options), {});
  return mode == Mode::kStream ? RunStream(options, address, request)
                               : RunClosed(options, address, request);
}

TEST(FailureClass, OfAClosedLoop) {
  const struct {
    std::string answer;
    bool reset;
    std::string wanted;
  } cases[] = {
      {"", false, R"("failures":{"closed_early":1})"},
      {"", true, R"("failures":{"reset":1})"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", false, R"("failures":{"truncated":1})"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nhel", false, R"("failures":{"malformed":1})"},
      {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", false, R"("statuses":{"503":1})"},
  };
  for (const auto& test : cases) {
    OneShotServer server(test.answer, test.reset);
    const Report report = RunOne(server.url(), Mode::kClosed);
    EXPECT_THAT(report.json, HasSubstr(test.wanted));
    EXPECT_THAT(report.json, HasSubstr(R"("failed":1)"));
    EXPECT_FALSE(report.clean);
  }
}

TEST(FailureClass, OfAPortThatRefuses) {
  // Bound, but not listening: no other process can take the port meanwhile.
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  const Report report =
      RunOne("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)), Mode::kClosed);
  EXPECT_THAT(report.json, HasSubstr(R"("failures":{"connect_refused":1})"));
  ::close(fd);
}

TEST(FailureClass, OfAnAnswerThatIsWell) {
  OneShotServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false);
  const Report report = RunOne(server.url(), Mode::kClosed);
  EXPECT_THAT(report.json, HasSubstr(R"("ok":1,"failed":0)"));
  EXPECT_TRUE(report.clean);
}

TEST(FailureClass, OfStreams) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
  const std::string token = "data: {\"seq\":0,\"sent_ns\":1}\n\n";
  const struct {
    std::string answer;
    std::string wanted;
    bool clean;
  } cases[] = {
      {head + "\r\n" + token + "data: [DONE]\n\n", R"("complete":1)", true},
      {head + "\r\n" + token, R"("cut":1)", false},
      {head + "Content-Length: 999\r\n\r\n" + token, R"("cut":1)", false},
      {head + "Content-Length: 999\r\n\r\n", R"("failed":1)", false},
      {head + "\r\n" + token + "data: {\"error\":{}}\n\ndata: [DONE]\n\n",
       R"("with_error_event":1)", false},
      {head + "\r\ndata: {\"seq\":2}\n\ndata: [DONE]\n\n", R"("missing":2)", false},
      {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", R"("failed":1)", false},
  };
  for (const auto& test : cases) {
    OneShotServer server(test.answer, false);
    const Report report = RunOne(server.url(), Mode::kStream);
    EXPECT_THAT(report.json, HasSubstr(test.wanted)) << test.answer;
    EXPECT_EQ(report.clean, test.clean) << test.answer;
  }
}

}  // namespace
}  // namespace vllm_router::loadgen
