#include "server/net/socket.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/net/address.h"
#include "server/net/tls.h"
#include "tests/support/self_signed.h"
#include "tests/unit/net/turns.h"

namespace vllm_router::net {
namespace {

class CountingHandler final : public SocketHandler {
 public:
  void OnIo() override {
    ++calls;
    if (action) action();
  }
  int calls = 0;
  std::function<void()> action;
};

// The other end of a connection: a plain, non-blocking descriptor.
class Peer {
 public:
  Peer() = default;
  explicit Peer(int fd) : fd_(fd) {}
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Peer() { Close(); }

  int fd() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void Send(const std::string& bytes) {
    ASSERT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // What has arrived so far; `error` is set when the connection was reset.
  std::string Take(int* error = nullptr) {
    std::string all;
    char chunk[65536];
    ssize_t got;
    while ((got = ::recv(fd_, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0) all.append(chunk, got);
    if (error != nullptr) *error = got < 0 && errno != EAGAIN ? errno : 0;
    return all;
  }
  bool WaitReadable() const {
    pollfd wanted{.fd = fd_, .events = POLLIN, .revents = 0};
    return ::poll(&wanted, 1, 10000) == 1;
  }

 private:
  int fd_ = -1;
};

// A port on loopback that accepts when the test says so.
class Port {
 public:
  Port() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const Address any = *ParseIpLiteral("127.0.0.1", 0);
    EXPECT_EQ(::bind(fd_, any.get(), any.length), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    sockaddr_in bound{};
    socklen_t length = sizeof(bound);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &length), 0);
    address = MakeAddress(reinterpret_cast<sockaddr*>(&bound), length);
  }
  ~Port() { Close(); }
  Peer Accept() { return Peer(::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)); }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  Address address;

 private:
  int fd_;
};

class SocketTest : public testing::Test {
 protected:
  // A connected pair: `socket_` and the returned end.
  Peer Pair() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    socket_.Accept(fds[0], nullptr);
    Turn(loop_);
    return Peer(fds[1]);
  }

  // The same over TCP.
  Peer Connection() {
    Port port;
    EXPECT_TRUE(socket_.Connect(port.address.get(), port.address.length, nullptr, ""));
    Peer peer = port.Accept();
    EXPECT_TRUE(TurnUntil(loop_, [&] { return socket_.connected(); }));
    return peer;
  }

  IoResult Read(size_t size) {
    data_.assign(size, '\0');
    const IoResult result = socket_.Read(data_.data(), size);
    data_.resize(result.bytes);
    return result;
  }
  IoResult Write(std::string bytes) {
    const iovec piece{bytes.data(), bytes.size()};
    return socket_.Write(&piece, 1);
  }

  EventLoop loop_;
  CountingHandler handler_;
  Socket socket_{loop_, &handler_};
  std::string data_;
};

TEST_F(SocketTest, TellsOfBytesAndReadsThem) {
  Peer peer = Pair();
  EXPECT_EQ(Read(100).status, IoStatus::kWouldBlock);
  EXPECT_FALSE(socket_.readable());
  const int before = handler_.calls;
  peer.Send("hello");
  Turn(loop_);
  EXPECT_GT(handler_.calls, before);
  EXPECT_TRUE(socket_.readable());
  EXPECT_EQ(Read(100).status, IoStatus::kOk);
  EXPECT_EQ(data_, "hello");
}

TEST_F(SocketTest, KnowsFromAShortReadThatNothingIsLeft) {
  Peer peer = Pair();
  peer.Send("hello");
  Turn(loop_);
  Read(100);
  EXPECT_FALSE(socket_.readable());
}

TEST_F(SocketTest, StaysReadableAfterAFullRead) {
  Peer peer = Pair();
  peer.Send("hello");
  Turn(loop_);
  EXPECT_EQ(Read(5).bytes, 5u);
  EXPECT_TRUE(socket_.readable());
  EXPECT_EQ(Read(5).status, IoStatus::kWouldBlock);
}

TEST_F(SocketTest, LeavesUnreadBytesInTheKernelWithoutBeingToldAgain) {
  Peer peer = Pair();
  peer.Send("hello");
  Turn(loop_);
  const int before = handler_.calls;
  Turn(loop_);
  Turn(loop_);
  EXPECT_EQ(handler_.calls, before);
  EXPECT_TRUE(socket_.readable());
}

TEST_F(SocketTest, ReadsEverythingBeforeTheEndOfThePeer) {
  Peer peer = Pair();
  peer.Send("last words");
  peer.Close();
  Turn(loop_);
  EXPECT_TRUE(socket_.peer_closed());
  EXPECT_EQ(Read(100).status, IoStatus::kOk);
  EXPECT_EQ(data_, "last words");
  EXPECT_TRUE(socket_.readable()) << "the end itself is still to be found";
  EXPECT_EQ(Read(100).status, IoStatus::kEof);
  EXPECT_FALSE(socket_.readable());
}

TEST_F(SocketTest, IsToldWhenASlowReaderTakesMore) {
  Peer peer = Pair();
  const std::string chunk(256u << 10, 'x');
  size_t written = 0;
  IoResult result{};
  while ((result = Write(chunk)).status == IoStatus::kOk) written += result.bytes;
  ASSERT_EQ(result.status, IoStatus::kWouldBlock);
  ASSERT_EQ(Write("y").status, IoStatus::kWouldBlock) << "known without a system call";
  const int before = handler_.calls;
  size_t read = peer.Take().size();
  EXPECT_TRUE(TurnUntil(loop_, [&] { return handler_.calls > before; }));
  EXPECT_EQ(Write("end").status, IoStatus::kOk);
  read += peer.Take().size();
  EXPECT_EQ(read, written + 3);
}

TEST_F(SocketTest, GathersPiecesAndWritesAsManyAsOneCallTakes) {
  Peer peer = Pair();
  std::string expected;
  std::vector<std::string> texts;
  for (int i = 0; i < 1500; ++i) texts.push_back(std::to_string(i) + ",");
  std::vector<iovec> pieces;
  for (std::string& text : texts) {
    expected += text;
    pieces.push_back({text.data(), text.size()});
  }
  const IoResult result = socket_.Write(pieces.data(), static_cast<int>(pieces.size()));
  ASSERT_EQ(result.status, IoStatus::kOk) << "more pieces than the kernel takes are no error";
  EXPECT_GE(result.bytes, 1000u);
  EXPECT_EQ(peer.Take(), expected.substr(0, result.bytes));
}

TEST_F(SocketTest, EndsItsSideAndStillReads) {
  Peer peer = Connection();
  Write("question");
  socket_.ShutdownWrite();
  ASSERT_TRUE(peer.WaitReadable());
  EXPECT_EQ(peer.Take(), "question");
  peer.Send("answer");
  EXPECT_TRUE(TurnUntil(loop_, [&] { return socket_.readable(); }));
  Read(100);
  EXPECT_EQ(data_, "answer");
}

TEST_F(SocketTest, ConnectsOverTcpWithoutDelay) {
  const Peer peer = Connection();
  EXPECT_FALSE(socket_.failed());
  EXPECT_EQ(Write("now").status, IoStatus::kOk);
  ASSERT_TRUE(peer.WaitReadable());
}

TEST_F(SocketTest, FailsWhenNobodyListens) {
  Port port;
  port.Close();
  if (socket_.Connect(port.address.get(), port.address.length, nullptr, "")) {
    EXPECT_TRUE(TurnUntil(loop_, [&] { return socket_.failed(); }));
  }
  EXPECT_FALSE(socket_.connected());
}

TEST_F(SocketTest, TellsAResetFromAnEnd) {
  Peer peer = Connection();
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(peer.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  peer.Close();
  EXPECT_TRUE(TurnUntil(loop_, [&] { return socket_.peer_closed(); }));
  EXPECT_TRUE(socket_.reset());
  EXPECT_EQ(Read(100).status, IoStatus::kError);
}

TEST_F(SocketTest, IsNotResetByAnOrderlyEnd) {
  Peer peer = Connection();
  peer.Close();
  EXPECT_TRUE(TurnUntil(loop_, [&] { return socket_.peer_closed(); }));
  EXPECT_FALSE(socket_.reset());
}

TEST_F(SocketTest, AbortLetsThePeerSeeAReset) {
  Peer peer = Connection();
  socket_.Abort();
  EXPECT_FALSE(socket_.open());
  ASSERT_TRUE(peer.WaitReadable());
  int error = 0;
  peer.Take(&error);
  EXPECT_EQ(error, ECONNRESET);
}

TEST_F(SocketTest, CloseLetsThePeerSeeAnEnd) {
  Peer peer = Connection();
  Write("bye");
  socket_.Close();
  ASSERT_TRUE(peer.WaitReadable());
  int error = 0;
  EXPECT_EQ(peer.Take(&error), "bye");
  EXPECT_EQ(error, 0);
}

TEST_F(SocketTest, MayBeClosedByItsHandler) {
  Peer peer = Pair();
  handler_.action = [&] { socket_.Close(); };
  peer.Send("x");
  Turn(loop_);
  const int calls = handler_.calls;
  EXPECT_FALSE(socket_.open());
  Turn(loop_);
  EXPECT_EQ(handler_.calls, calls);
}

// Both ends are ours and live on one loop; the engine's side is `server`.
class TlsSocketTest : public SocketTest {
 protected:
  void Begin(const std::string& expected_name, const std::string& ca_file) {
    const test_support::SelfSigned& files = files_;
    server_tls_ =
        *MakeServerTls({.certificate = files.certificate, .key = files.key, .client_ca = ""});
    client_tls_ = *MakeClientTls(ca_file);
    Port port;
    ASSERT_TRUE(
        socket_.Connect(port.address.get(), port.address.length, client_tls_.get(), expected_name));
    Peer accepted = port.Accept();
    server_.Accept(accepted.Release(), server_tls_.get());
  }

  test_support::SelfSigned files_{"engine"};
  TlsContext server_tls_;
  TlsContext client_tls_;
  CountingHandler server_handler_;
  Socket server_{loop_, &server_handler_};
};

TEST_F(TlsSocketTest, CarriesBytesBothWaysAndAnOrderlyEnd) {
  for (const std::string name : {"127.0.0.1", "localhost"}) {
    socket_.Close();
    server_.Close();
    Begin(name, files_.certificate);
    ASSERT_TRUE(TurnUntil(loop_, [&] { return socket_.connected() && server_.connected(); }))
        << name;
    EXPECT_EQ(Write("question").bytes, 8u);
    std::string got(100, '\0');
    IoResult result{IoStatus::kWouldBlock};
    ASSERT_TRUE(TurnUntil(loop_, [&] {
      if (server_.readable()) result = server_.Read(got.data(), got.size());
      return result.status == IoStatus::kOk;
    }));
    EXPECT_EQ(got.substr(0, result.bytes), "question");
    server_.Close();
    result.status = IoStatus::kWouldBlock;
    ASSERT_TRUE(TurnUntil(loop_, [&] {
      if (socket_.readable()) result = Read(100);
      return result.status != IoStatus::kWouldBlock;
    }));
    EXPECT_EQ(result.status, IoStatus::kEof);
  }
}

TEST_F(TlsSocketTest, CarriesMoreThanTheSocketHolds) {
  Begin("localhost", files_.certificate);
  ASSERT_TRUE(TurnUntil(loop_, [&] { return socket_.connected() && server_.connected(); }));
  std::string sent(8u << 20, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 2654435761u >> 24);
  size_t written = 0;
  std::string got;
  std::string chunk(60000, '\0');
  ASSERT_TRUE(TurnUntil(loop_, [&] {
    while (written < sent.size()) {
      const iovec piece{sent.data() + written, sent.size() - written};
      const IoResult result = socket_.Write(&piece, 1);
      if (result.status != IoStatus::kOk) break;
      written += result.bytes;
    }
    while (server_.readable()) {
      const IoResult result = server_.Read(chunk.data(), chunk.size());
      if (result.status != IoStatus::kOk) break;
      got.append(chunk.data(), result.bytes);
    }
    return got.size() >= sent.size();
  }));
  EXPECT_TRUE(got == sent);
}

TEST_F(TlsSocketTest, RefusesAnotherNameAndAnUnknownAuthority) {
  const test_support::SelfSigned other("other");
  const std::pair<std::string, std::string> cases[] = {{"engine.example", files_.certificate},
                                                       {"127.0.0.2", files_.certificate},
                                                       {"localhost", other.certificate}};
  for (const auto& [name, ca_file] : cases) {
    socket_.Close();
    server_.Close();
    Begin(name, ca_file);
    EXPECT_TRUE(TurnUntil(loop_, [&] { return socket_.failed(); })) << name;
    EXPECT_FALSE(socket_.connected()) << name;
  }
}

}  // namespace
}  // namespace vllm_router::net
