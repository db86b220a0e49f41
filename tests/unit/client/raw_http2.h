// A client of HTTP/2 that sends exactly the frames it is told to, for tests of a server that has to
// bear with any. Blocking; gives up after half a minute.
#ifndef TESTS_UNIT_CLIENT_RAW_HTTP2_H_
#define TESTS_UNIT_CLIENT_RAW_HTTP2_H_

#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace vllm_router::http2 {

inline constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum Type : uint8_t { kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kPing = 6, kGoAway = 7 };
inline constexpr uint8_t kEndStream = 1;
inline constexpr uint8_t kAck = 1;
inline constexpr uint8_t kEndHeaders = 4;

inline std::string Number(uint64_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    text.push_back(static_cast<char>(value >> shift));
  }
  return text;
}

inline std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
  return Number(payload.size(), 3) + Number(type, 1) + Number(flags, 1) + Number(stream, 4) +
         payload;
}

// HPACK without any table: literals that are not indexed (RFC 7541 section 6.2.2).
inline std::string Field(const std::string& name, const std::string& value) {
  std::string field(1, '\0');
  for (const std::string& text : {name, value}) {
    if (text.size() < 127) {
      field.push_back(static_cast<char>(text.size()));
    } else {
      field.push_back('\x7f');
      size_t rest = text.size() - 127;
      for (; rest >= 128; rest /= 128) field.push_back(static_cast<char>(rest % 128 + 128));
      field.push_back(static_cast<char>(rest));
    }
    field += text;
  }
  return field;
}

// What a call is made of. Members are changed by tests that want another one.
struct Call {
  std::string method = "POST";
  std::string path = "/vllm_router.v1.RouterCallback/PreRequest";
  std::string content_type = "application/grpc";
  std::string te = "trailers";
  std::string more{};  // fields

  std::string Head(uint32_t stream, uint8_t flags = 0) const {
    std::string fields = Field(":method", method) + Field(":scheme", "http") +
                         Field(":path", path) + Field(":authority", "test");
    if (!content_type.empty()) fields += Field("content-type", content_type);
    if (!te.empty()) fields += Field("te", te);
    return Frame(kHeaders, kEndHeaders | flags, stream, fields + more);
  }
};

// With its prefix.
inline std::string Message(const std::string& bytes, char flag = 0) {
  return flag + Number(bytes.size(), 4) + bytes;
}
inline std::string WholeCall(uint32_t stream, const std::string& sent = Message("")) {
  return Call().Head(stream) + Frame(kData, kEndStream, stream, sent);
}

struct Received {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string payload;
};

struct Answer {
  std::map<std::string, std::string> fields;  // of head and trailers
  std::string data;
};

class Peer {
 public:
  explicit Peer(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    nghttp2_hd_inflater* inflater = nullptr;
    nghttp2_hd_inflate_new(&inflater);
    inflater_.reset(inflater);
  }
  ~Peer() { ::close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Preface and settings.
  void Begin(const std::string& settings = {}) {
    Send(kPreface + Frame(kSettings, 0, 0, settings));
  }
  // False: the server has closed the connection, or takes no more for `patience_ms`.
  bool Send(std::string_view bytes, int patience_ms = kPatienceMs) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<size_t>(sent));
      } else if (errno != EAGAIN || !Wait(POLLOUT, patience_ms)) {
        return false;
      }
    }
    return true;
  }
  void HangUp() { ::shutdown(fd_, SHUT_RDWR); }

  // The next frame; none: the server has closed the connection, or is silent.
  std::optional<Received> Read(int patience_ms = kPatienceMs) {
    while (true) {
      if (const std::optional<Received> frame = Taken()) return frame;
      if (!Wait(POLLIN, patience_ms)) return std::nullopt;
      char buffer[16384];
      const ssize_t size = ::recv(fd_, buffer, sizeof(buffer), 0);
      if (size <= 0) {
        ended_ = true;
        return std::nullopt;
      }
      received_.append(buffer, static_cast<size_t>(size));
    }
  }
  std::optional<Received> ReadUntil(uint8_t type) {
    std::optional<Received> frame = Read();
    while (frame && frame->type != type) frame = Read();
    return frame;
  }
  // Reads up to the end of the connection, which is expected.
  bool Ends() {
    while (Read()) {
    }
    return ended_;
  }
  // All of the answer on one stream; what comes on others is dropped.
  Answer ReadAnswer(uint32_t stream) {
    Answer answer;
    while (true) {
      const std::optional<Received> frame = Read();
      if (!frame) {
        ADD_FAILURE() << "no answer on stream " << stream;
        return answer;
      }
      if (frame->type == kHeaders) {
        Inflate(frame->payload, frame->stream == stream ? &answer.fields : nullptr);
      }
      if (frame->stream != stream) continue;
      if (frame->type == kData) answer.data += frame->payload;
      if ((frame->type == kHeaders || frame->type == kData) && (frame->flags & kEndStream) != 0) {
        return answer;
      }
      if (frame->type == kReset) {
        ADD_FAILURE() << "stream " << stream << " was reset";
        return answer;
      }
    }
  }

 private:
  static constexpr int kPatienceMs = 30'000;
  struct InflaterFree {
    void operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }
  };

  bool Wait(short events, int patience_ms) const {
    pollfd one{fd_, events, 0};
    return ::poll(&one, 1, patience_ms) == 1;
  }
  std::optional<Received> Taken() {
    constexpr size_t kHead = 9;
    if (received_.size() < kHead) return std::nullopt;
    const auto number = [&](size_t at, size_t bytes) {
      uint32_t value = 0;
      for (size_t i = at; i < at + bytes; ++i) {
        value = value << 8 | static_cast<uint8_t>(received_[i]);
      }
      return value;
    };
    const size_t length = number(0, 3);
    if (received_.size() < kHead + length) return std::nullopt;
    Received frame{static_cast<uint8_t>(received_[3]), static_cast<uint8_t>(received_[4]),
                   number(5, 4), received_.substr(kHead, length)};
    received_.erase(0, kHead + length);
    return frame;
  }
  void Inflate(const std::string& block, std::map<std::string, std::string>* fields) {
    const auto* at = reinterpret_cast<const uint8_t*>(block.data());
    const uint8_t* const end = at + block.size();
    while (true) {
      nghttp2_nv field{};
      int flags = 0;
      const ssize_t taken = nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, at,
                                                   static_cast<size_t>(end - at), 1);
      ASSERT_GE(taken, 0);
      at += taken;
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0 && fields != nullptr) {
        fields->emplace(std::string(reinterpret_cast<char*>(field.name), field.namelen),
                        std::string(reinterpret_cast<char*>(field.value), field.valuelen));
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_.get());
  }

  const int fd_;
  std::unique_ptr<nghttp2_hd_inflater, InflaterFree> inflater_;
  std::string received_;
  bool ended_ = false;
};

}  // namespace vllm_router::http2

#endif  // TESTS_UNIT_CLIENT_RAW_HTTP2_H_
