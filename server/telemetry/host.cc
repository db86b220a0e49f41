#include "server/telemetry/host.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

namespace vllm_router::telemetry {
namespace {

std::optional<double> MemoryPercent() {
  std::ifstream meminfo("/proc/meminfo");
  std::string name;
  double kilobytes = 0;
  double total = 0;
  double available = -1;
  while (meminfo >> name >> kilobytes) {
    meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    if (name == "MemTotal:") total = kilobytes;
    if (name == "MemAvailable:") available = kilobytes;
  }
  if (total <= 0 || available < 0) return std::nullopt;
  return 100 * (1 - available / total);
}

// As df and the original have it: what only root may still use counts as neither used nor free.
std::optional<double> DiskPercent() {
  struct statvfs root {};
  if (::statvfs("/", &root) != 0) return std::nullopt;
  const auto used = static_cast<double>(root.f_blocks - root.f_bfree);
  const double usable = used + static_cast<double>(root.f_bavail);
  if (usable <= 0) return std::nullopt;
  return 100 * used / usable;
}

std::optional<uint64_t> OpenFds() {
  DIR* const directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return std::nullopt;
  uint64_t count = 0;
  while (const dirent* entry = ::readdir(directory)) count += entry->d_name[0] != '.';
  ::closedir(directory);
  return count - 1;  // without the one of this look
}

// The 22nd field of /proc/self/stat, proc(5): ticks after the start of the machine.
std::optional<double> StartTime() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The second field is a name in brackets that may hold anything.
  const size_t name_end = line.rfind(") ");
  if (name_end == std::string::npos) return std::nullopt;
  constexpr int kBefore = 19;  // fields between it and the one that is wanted
  size_t at = name_end + 2;
  for (int i = 0; i < kBefore && at != std::string::npos; ++i) at = line.find(' ', at + 1);
  if (at == std::string::npos) return std::nullopt;
  const double ticks = std::strtod(line.c_str() + at, nullptr);
  std::ifstream stat("/proc/stat");
  std::string name;
  double boot = 0;
  while (stat >> name) {
    if (name == "btime" && stat >> boot) {
      return boot + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
    }
    stat.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::nullopt;
}

}  // namespace

HostFigures Host::Read() {
  HostFigures figures;
  figures.cpu_percent = CpuPercent();
  figures.memory_percent = MemoryPercent();
  figures.disk_percent = DiskPercent();
  figures.process = stats::ReadProcessFigures();
  figures.open_fds = OpenFds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.max_fds = limit.rlim_cur;
  // Once: the kernel's start of the machine moves with its clock, and who counts restarts by
  // changes of this figure would count each correction.
  if (!start_time_) start_time_ = StartTime();
  figures.start_time_seconds = start_time_;
  return figures;
}

// The difference to the reading before takes no time, where the original's sample blocks its event
// loop for 100 ms.
std::optional<double> Host::CpuPercent() {
  std::ifstream stat("/proc/stat");
  std::string name;
  if (!(stat >> name) || name != "cpu") return std::nullopt;
  // user nice system idle iowait irq softirq steal, proc(5)
  std::array<uint64_t, 8> ticks{};
  for (uint64_t& value : ticks) {
    if (!(stat >> value)) return std::nullopt;
  }
  const uint64_t all = std::accumulate(ticks.begin(), ticks.end(), uint64_t{0});
  const uint64_t busy = all - ticks[3] - ticks[4];
  const uint64_t all_before = std::exchange(all_ticks_, all);
  const uint64_t busy_before = std::exchange(busy_ticks_, busy);
  if (all_before == 0 || all <= all_before || busy < busy_before) return std::nullopt;
  return 100 * static_cast<double>(busy - busy_before) / static_cast<double>(all - all_before);
}

}  // namespace vllm_router::telemetry
