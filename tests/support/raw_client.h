// A blocking HTTP/1.1 client for tests that care about bytes: it sends exactly what it is given,
// reads heads, bodies and Server-Sent Events one by one, and can half-close, close or reset at any
// point. It shares no parser with the code under test, and it is strict: an answer that is not well
// framed is an error, not a guess.
//
//   absl::StatusOr<RawClient> client = RawClient::Connect(port);
//   ASSERT_TRUE(client.ok()) << client.status();
//   ASSERT_TRUE(client->Send(PostJson("/v1/chat/completions", json)).ok());
//   absl::StatusOr<RawHead> head = client->ReadHead();
//   absl::StatusOr<std::vector<std::string>> events = client->ReadEvents(3);
//   client->Reset();
//
// Every call that waits gives up with DeadlineExceeded when its patience has passed. Other errors:
// Unavailable when the peer reset the connection, DataLoss when it ended too early, InvalidArgument
// for bytes that are no HTTP. Not thread-safe. SIGPIPE is not raised.
#ifndef TESTS_SUPPORT_RAW_CLIENT_H_
#define TESTS_SUPPORT_RAW_CLIENT_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vllm_router::test {

struct RawHead {
  int status = 0;
  std::string text;  // from the status line to the empty line, as received
  std::vector<std::pair<std::string, std::string>>
      headers;  // in order, names as received, values trimmed

  // First value of that name, in any case.
  std::optional<std::string> Header(std::string_view name) const;
  size_t Count(std::string_view name) const;
};

struct RawResponse {
  RawHead head;
  std::string body;  // decoded from chunks
};

enum class PeerEnd : uint8_t { kClosed, kReset };

class RawClient {
 public:
  struct Options {
    std::string host = "127.0.0.1";  // an IPv4 address
    std::chrono::milliseconds patience{10000};
    int receive_buffer_bytes = 0;  // SO_RCVBUF, for slow clients; 0: the system's
  };

  static absl::StatusOr<RawClient> Connect(uint16_t port, const Options& options);
  static absl::StatusOr<RawClient> Connect(uint16_t port) { return Connect(port, Options()); }
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&& other) noexcept;
  ~RawClient() { Close(); }

  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }

  // Sends all of it.
  absl::Status Send(std::string_view bytes);
  // Sends as much as the kernel takes without waiting; how much that was.
  size_t SendSome(std::string_view bytes);

  // The next head, interim ones (100) too. What follows it is its body, unless `to_head`.
  absl::StatusOr<RawHead> ReadHead(bool to_head = false);
  // The rest of the body, to its end. After an error partial_body() holds what came.
  absl::StatusOr<std::string> ReadBody();
  // A final head (interim ones are skipped) and its body.
  absl::StatusOr<RawResponse> ReadResponse(bool to_head = false);
  // The next `count` events of the body: their lines without the empty line that ends each.
  // DataLoss when the body ends before.
  absl::StatusOr<std::vector<std::string>> ReadEvents(size_t count);
  // At least `count` more bytes of the body, decoded; exactly that many are taken.
  absl::StatusOr<std::string> ReadBodyBytes(size_t count);
  // The body has been read to its end.
  bool body_done() const { return framing_ == Framing::kDone; }
  const std::string& partial_body() const { return decoded_; }
  // Sizes of the chunks of the current body so far.
  const std::vector<size_t>& chunk_sizes() const { return chunk_sizes_; }

  // Bytes as they come, below HTTP.
  absl::StatusOr<std::string> ReadExactly(size_t count);
  // Everything until the peer ends or resets the connection; `end` tells which.
  absl::StatusOr<std::string> ReadUntilEnd(PeerEnd* end = nullptr);
  // Waits for the peer to end the connection; bytes that come before that are an error
  // (InvalidArgument).
  absl::StatusOr<PeerEnd> WaitForEnd();

  void HalfClose();  // sends FIN, goes on reading
  void Close();
  void Reset();  // RST
  bool open() const { return fd_ >= 0; }
  uint16_t local_port() const;

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  enum class Framing : uint8_t { kDone, kLength, kChunkSize, kChunkData, kChunkEnd, kUntilClose };

  RawClient(int fd, std::chrono::milliseconds patience) : fd_(fd), patience_(patience) {}

  Deadline Start() const { return std::chrono::steady_clock::now() + patience_; }
  absl::Status Wait(short events, Deadline deadline);
  // Appends at least one byte to received_. OutOfRange at the peer's end.
  absl::Status Receive(Deadline deadline);
  absl::StatusOr<std::string> Line(Deadline deadline);  // without CRLF
  // Moves at least one byte from received_ to decoded_, or gets on with the framing.
  absl::Status DecodeMore(Deadline deadline);
  absl::Status BeginBody(const RawHead& head, bool to_head);
  absl::Status ReadChunkSize(Deadline deadline);

  int fd_;
  std::chrono::milliseconds patience_;
  std::string received_;  // not looked at yet
  std::string decoded_;   // of the body, not handed out yet
  Framing framing_ = Framing::kDone;
  uint64_t remaining_ = 0;  // of the body, or of the chunk
  std::vector<size_t> chunk_sizes_;
};

// The value of an event's `data` lines, joined by LF.
std::string EventData(std::string_view event);

// Whole requests. `headers`: further lines, each with its CRLF.
std::string Get(std::string_view target, std::string_view headers = {});
std::string PostJson(std::string_view target, std::string_view json, std::string_view headers = {});

// One request on a connection of its own.
absl::StatusOr<RawResponse> Fetch(uint16_t port, std::string_view request);

}  // namespace vllm_router::test

#endif  // TESTS_SUPPORT_RAW_CLIENT_H_
