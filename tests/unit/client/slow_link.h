// A TCP link to a server on loopback over which each connection carries nothing for its first
// moments, as a far one does. A thread of its own serves one connection at a time.
#ifndef TESTS_UNIT_CLIENT_SLOW_LINK_H_
#define TESTS_UNIT_CLIENT_SLOW_LINK_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>

namespace vllm_router::test_support {

class SlowLink {
 public:
  SlowLink(const std::string& address, int delay_ms)
      : port_(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)))),
        delay_ms_(delay_ms),
        listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in here = Loopback(0);
    socklen_t size = sizeof here;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&here), size);
    ::listen(listener_, 8);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&here), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(here.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~SlowLink() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  SlowLink(const SlowLink&) = delete;
  SlowLink& operator=(const SlowLink&) = delete;

  const std::string& address() const { return address_; }

 private:
  static sockaddr_in Loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }

  void Serve() {
    while (!stopping_) {
      const int client = ::accept(listener_, nullptr, nullptr);
      if (client < 0) return;
      (void)::poll(nullptr, 0, delay_ms_);
      const int server = ::socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in there = Loopback(port_);
      if (::connect(server, reinterpret_cast<sockaddr*>(&there), sizeof there) == 0) {
        while (!stopping_ && Relay(client, server)) {
        }
      }
      ::close(client);
      ::close(server);
    }
  }

  // False when one side has ended.
  static bool Relay(int client, int server) {
    std::array<pollfd, 2> polled = {{{.fd = client, .events = POLLIN, .revents = 0},
                                     {.fd = server, .events = POLLIN, .revents = 0}}};
    (void)::poll(polled.data(), polled.size(), 20);
    std::array<char, 4096> buffer;
    for (const auto& [from, to] : {std::pair(polled[0], server), std::pair(polled[1], client)}) {
      if (from.revents == 0) continue;
      const ssize_t count = ::read(from.fd, buffer.data(), buffer.size());
      if (count <= 0 || ::write(to, buffer.data(), static_cast<size_t>(count)) != count) {
        return false;
      }
    }
    return true;
  }

  const uint16_t port_;
  const int delay_ms_;
  const int listener_;
  std::string address_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace vllm_router::test_support

#endif  // TESTS_UNIT_CLIENT_SLOW_LINK_H_
