#include "server/base/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"

namespace vllm_router::base {
namespace {

// A pipe that a test reads, and one end of it for a writer.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  std::unique_ptr<LineOutput> Output() const { return std::make_unique<LineOutput>(ends_[1]); }
  // Waits for so many bytes.
  std::string Read(size_t count) const {
    std::string text(count, 0);
    size_t have = 0;
    while (have < count) {
      const ssize_t got = ::read(ends_[0], text.data() + have, count - have);
      if (got <= 0) break;
      have += static_cast<size_t>(got);
    }
    return text.substr(0, have);
  }

 private:
  int ends_[2] = {-1, -1};
};

std::vector<LineWriter::Stream> One(std::unique_ptr<LineOutput> output, bool patient = false) {
  std::vector<LineWriter::Stream> streams;
  streams.push_back({.output = std::move(output), .patient = patient});
  return streams;
}

TEST(LineWriter, WritesInTheOrderOfSubmission) {
  Pipe pipe;
  for (const bool patient : {false, true}) {
    LineWriter writer(One(pipe.Output(), patient));
    std::string wanted;
    for (int i = 0; i < 1000; ++i) {
      const std::string line = absl::StrFormat("line %d\n", i);
      EXPECT_TRUE(writer.Submit(0, line));
      wanted += line;
    }
    EXPECT_EQ(pipe.Read(wanted.size()), wanted);
  }
}

// Records of one byte; each becomes a line of two.
class ByteRenderer final : public LineRenderer {
 public:
  std::string_view Render(std::string_view records, size_t enough, std::string* lines) override {
    for (; !records.empty() && lines->size() < enough; records.remove_prefix(1)) {
      lines->push_back(records[0]);
      lines->push_back('\n');
    }
    return records;
  }
  uint64_t Count(std::string_view records) const override { return records.size(); }
};

std::vector<LineWriter::Stream> OneRendered(std::unique_ptr<LineOutput> output) {
  std::vector<LineWriter::Stream> streams = One(std::move(output), true);
  streams[0].renderer = std::make_unique<ByteRenderer>();
  return streams;
}

TEST(LineWriter, RendersRecordsHoweverManyThereAre) {
  for (const size_t count : {1u, 1000u, 700'000u}) {
    Pipe pipe;
    LineWriter writer(OneRendered(pipe.Output()));
    std::string records;
    std::string wanted;
    for (size_t i = 0; i < count; ++i) {
      records.push_back(static_cast<char>('a' + i % 26));
      wanted.append({records.back(), '\n'});
    }
    EXPECT_TRUE(writer.Submit(0, records));
    EXPECT_EQ(pipe.Read(wanted.size()), wanted);
  }
}

TEST(LineWriter, CountsRecordsThatItDropsAsLines) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  LineWriter writer(OneRendered(std::make_unique<LineOutput>(full)));
  EXPECT_TRUE(writer.Submit(0, std::string(LineWriter::kMaxQueuedBytes + 1, 'x')));
  EXPECT_EQ(writer.dropped(0).lines, LineWriter::kMaxQueuedBytes + 1) << "none of them fits";
  EXPECT_TRUE(writer.Submit(0, "abc"));
  writer.Stop();
  EXPECT_EQ(writer.dropped(0).lines, LineWriter::kMaxQueuedBytes + 4) << "nor can they be written";
  ::close(full);
}

TEST(LineWriter, WritesWhatIsQueuedBeforeItEnds) {
  Pipe pipe;
  {
    LineWriter writer(One(pipe.Output(), /*patient=*/true));
    writer.Submit(0, "last\n");
  }
  EXPECT_EQ(pipe.Read(5), "last\n");
}

TEST(LineWriter, TakesNothingOnceItHasBeenStopped) {
  Pipe pipe;
  LineWriter writer(One(pipe.Output()));
  writer.Stop();
  EXPECT_FALSE(writer.Submit(0, "late\n"));
}

TEST(LineWriter, DropsAndCountsWhatNobodyReads) {
  Pipe pipe;
  LineWriter writer(One(pipe.Output()));
  const std::string line = std::string(99, 'x') + "\n";
  // One full queue may be on its way to the pipe while the next one fills.
  const uint64_t count = 4 * LineWriter::kMaxQueuedBytes / line.size();
  for (uint64_t i = 0; i < count; ++i) EXPECT_TRUE(writer.Submit(0, line));
  const LostLines dropped = writer.dropped(0);
  EXPECT_GT(dropped.lines, count / 4);
  EXPECT_LT(dropped.lines, count);
  EXPECT_EQ(dropped.bytes, dropped.lines * line.size());
  // What was taken comes out.
  std::thread reader([&] { pipe.Read((count - dropped.lines) * line.size()); });
  reader.join();
}

TEST(LineWriter, CountsWhatCannotBeWrittenOfEachStream) {
  Pipe pipe;
  std::vector<LineWriter::Stream> streams = One(pipe.Output());
  streams.push_back({.output = LineOutput::Open("/dev/full").value(), .patient = false});
  LineWriter writer(std::move(streams));
  writer.Submit(1, "a\nb\n");
  writer.Submit(0, "fine\n");
  EXPECT_EQ(pipe.Read(5), "fine\n");
  writer.Stop();
  EXPECT_EQ(writer.dropped(0).lines, 0u);
  EXPECT_EQ(writer.dropped(1).lines, 2u);
}

TEST(LineWriter, TicksAlsoWhenThereIsNothingToWrite) {
  Pipe pipe;
  std::atomic<LineWriter*> self{nullptr};
  LineWriter writer(One(pipe.Output()), [&self] {
    if (LineWriter* writer = self.load(); writer != nullptr) writer->Submit(0, "tick\n");
  });
  self = &writer;
  EXPECT_EQ(pipe.Read(10), "tick\ntick\n");
  self = nullptr;
  writer.Stop();
}

}  // namespace
}  // namespace vllm_router::base
