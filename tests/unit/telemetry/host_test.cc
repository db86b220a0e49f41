#include "server/telemetry/host.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>

namespace vllm_router::telemetry {
namespace {

TEST(Host, TellsOfThisProcess) {
  Host host;
  const HostFigures figures = host.Read();
  EXPECT_GT(figures.process.resident_bytes, 1u << 20);
  EXPECT_GT(figures.max_fds.value(), figures.open_fds.value());
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(figures.start_time_seconds.value(), now + 2);
  EXPECT_GT(figures.start_time_seconds.value(), now - 3600);

  const int fd = ::open("/dev/null", O_RDONLY);
  const HostFigures next = host.Read();
  EXPECT_EQ(next.open_fds.value(), figures.open_fds.value() + 1);
  EXPECT_EQ(next.start_time_seconds, figures.start_time_seconds);
  ::close(fd);
}

TEST(Host, TellsOfTheMachineInPercent) {
  Host host;
  const HostFigures first = host.Read();
  EXPECT_EQ(first.cpu_percent, std::nullopt) << "it is a difference";
  EXPECT_GT(first.memory_percent.value(), 0);
  EXPECT_LT(first.memory_percent.value(), 100);
  EXPECT_GE(first.disk_percent.value(), 0);
  EXPECT_LE(first.disk_percent.value(), 100);
  // The kernel counts in ticks: until one is over there is no difference.
  HostFigures next = host.Read();
  while (!next.cpu_percent) next = host.Read();
  EXPECT_GE(*next.cpu_percent, 0);
  EXPECT_LE(*next.cpu_percent, 100);
}

}  // namespace
}  // namespace vllm_router::telemetry
