// Bounded queues of lines, and the thread that writes them: who submits never waits for a disk or
// for a pipe that nobody reads. What does not fit or cannot be written is dropped and counted.
//
// A stream may take records instead of lines, which the writing thread renders.
//
// Thread-safe. When it is destroyed it writes what is queued, for at most a second: a write may
// never return, and then its thread is left behind with what it needs.
#ifndef SERVER_BASE_LINE_WRITER_H_
#define SERVER_BASE_LINE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/line_output.h"

namespace vllm_router::base {

// Makes lines of records. What a record is, only it and those who submit know.
class LineRenderer {
 public:
  virtual ~LineRenderer() = default;
  // Takes whole records off the front until they are all taken or `lines` has `enough` bytes, and
  // appends what they become. Returns those that are left. On the writing thread.
  virtual std::string_view Render(std::string_view records, size_t enough, std::string* lines) = 0;
  // How many there are. Thread-safe.
  virtual uint64_t Count(std::string_view records) const = 0;
};

class LineWriter {
 public:
  // Of each stream. Enough for seconds of heavy logging while a disk stalls, small beside the rest
  // of the process.
  static constexpr size_t kMaxQueuedBytes = 4u << 20;

  struct Stream {
    std::unique_ptr<LineOutput> output;
    // Its lines may wait for others for 20 ms, which saves wake-ups and system calls.
    bool patient = false;
    // nullptr: what is submitted are lines.
    std::unique_ptr<LineRenderer> renderer = {};
  };
  // `on_tick` is called about once a second, and more often under load, on the writing thread.
  explicit LineWriter(std::vector<Stream> streams, std::function<void()> on_tick = {});
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Whole lines or records, for the stream of that number. False: it has been stopped and takes
  // nothing any more.
  bool Submit(size_t stream, std::string_view bytes);
  // Takes nothing more, and waits for what is queued, for at most a second.
  void Stop();

  LostLines dropped(size_t stream) const;

 private:
  class State;

  const std::shared_ptr<State> state_;  // shared with the thread
};

}  // namespace vllm_router::base

#endif  // SERVER_BASE_LINE_WRITER_H_
