#include "server/base/line_output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/support/temp_directory.h"

namespace vllm_router::base {
namespace {

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class LineOutputTest : public testing::Test {
 protected:
  LineOutputTest() { std::signal(SIGPIPE, SIG_IGN); }

  test::TempDirectory directory_;
  const std::string path_ = directory_.path() + "/access.log";
};

TEST_F(LineOutputTest, AppendsAndMakesTheFile) {
  for (int i = 0; i < 2; ++i) {
    auto output = LineOutput::Open(path_);
    ASSERT_TRUE(output.ok()) << output.status();
    EXPECT_EQ((*output)->Write("a\nb\n").bytes, 0u);
  }
  EXPECT_EQ(Content(path_), "a\nb\na\nb\n");
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0007, 0u) << "not for everybody";
}

TEST_F(LineOutputTest, NamesAFileThatCannotBeOpened) {
  const auto output = LineOutput::Open(directory_.path() + "/no/such");
  EXPECT_THAT(output.status().message(), testing::HasSubstr("/no/such: No such file"));
}

TEST_F(LineOutputTest, MakesAMovedOrRemovedFileAnew) {
  auto output = LineOutput::Open(path_).value();
  output->Write("1\n");
  ASSERT_EQ(std::rename(path_.c_str(), (path_ + ".1").c_str()), 0);
  output->Write("2\n");
  EXPECT_EQ(Content(path_ + ".1"), "1\n");
  EXPECT_EQ(Content(path_), "2\n");
  ASSERT_EQ(std::remove(path_.c_str()), 0);
  output->Write("3\n");
  EXPECT_EQ(Content(path_), "3\n");
}

TEST_F(LineOutputTest, StaysInTheMovedFileWhenNoNewOneCanBeMade) {
  const std::string inside = directory_.path() + "/logs";
  ASSERT_EQ(::mkdir(inside.c_str(), 0700), 0);
  auto output = LineOutput::Open(inside + "/a").value();
  ASSERT_EQ(std::rename(inside.c_str(), (inside + ".old").c_str()), 0);
  EXPECT_EQ(output->Write("1\n").bytes, 0u);
  EXPECT_EQ(Content(inside + ".old/a"), "1\n");
}

TEST_F(LineOutputTest, CountsWhatAFullDeviceLoses) {
  auto output = LineOutput::Open("/dev/full").value();
  const LostLines lost = output->Write("ab\nc\n");
  EXPECT_EQ(lost.lines, 2u);
  EXPECT_EQ(lost.bytes, 5u);
}

TEST_F(LineOutputTest, WaitsForTheReaderOfAPipeWithoutBlocking) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  auto output = LineOutput::Open(path_).value();
  EXPECT_EQ(output->Write("early\n").lines, 1u);
  const int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  EXPECT_EQ(output->Write("heard\n").lines, 0u);
  char buffer[64];
  EXPECT_EQ(std::string(buffer, static_cast<size_t>(::read(reader, buffer, sizeof(buffer)))),
            "heard\n");
  ::close(reader);
  EXPECT_EQ(output->Write("late\n").lines, 1u);
}

TEST_F(LineOutputTest, EndsATornLineBeforeTheNext) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  auto output = LineOutput::Open(path_).value();
  const std::string line = std::string(70'000, 'x') + "\n";  // longer than a pipe
  const LostLines lost = output->Write(line + "whole\n");
  EXPECT_EQ(lost.lines, 2u);
  std::string got(line.size(), 0);
  const ssize_t torn = ::read(reader, got.data(), got.size());
  ASSERT_GT(torn, 0);
  EXPECT_EQ(static_cast<size_t>(torn) + lost.bytes, line.size() + 6);
  EXPECT_EQ(output->Write("next\n").lines, 0u);
  const ssize_t rest = ::read(reader, got.data(), got.size());
  EXPECT_EQ(got.substr(0, static_cast<size_t>(rest)), "\nnext\n");
  ::close(reader);
}

TEST_F(LineOutputTest, WaitsForADescriptorThatSomebodyMadeNonBlocking) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK), 0);
  LineOutput output(ends[1]);
  const std::string lines = std::string(200'000, 'x') + "\n";
  size_t read_so_far = 0;
  std::thread reader([&] {
    std::string buffer(1 << 16, 0);
    while (read_so_far < lines.size()) {
      const ssize_t got = ::read(ends[0], buffer.data(), buffer.size());
      if (got > 0) read_so_far += static_cast<size_t>(got);
    }
  });
  EXPECT_EQ(output.Write(lines).bytes, 0u);
  reader.join();
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace vllm_router::base
