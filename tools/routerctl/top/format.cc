#include "tools/routerctl/top/format.h"

#include <array>
#include <string_view>

#include "absl/strings/str_format.h"

namespace vllm_router::routerctl::top {
namespace {

// `value` in the largest of `units`, each `step` times the one before, that leaves it below `step`.
// The limit for one decimal is where rounding would add a digit.
template <size_t N>
std::string InUnits(double value, double step, const std::array<std::string_view, N>& units) {
  size_t unit = 0;
  while (unit + 1 < units.size() && value >= step - 0.5) {
    value /= step;
    ++unit;
  }
  const int decimals = unit > 0 && value < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f%s", decimals, value, units[unit]);
}

}  // namespace

std::string RateText(double per_second) {
  if (per_second < 0.005) return "0";
  if (per_second < 0.995) return absl::StrFormat("%.2f", per_second);
  if (per_second < 9.95) return absl::StrFormat("%.1f", per_second);
  return InUnits<4>(per_second, 1000, {"", "k", "M", "G"});
}

std::string CountText(uint64_t count) {
  if (count < 100000) return absl::StrFormat("%d", count);
  return InUnits<4>(static_cast<double>(count), 1000, {"", "k", "M", "G"});
}

std::string BytesText(uint64_t bytes) {
  return InUnits<5>(static_cast<double>(bytes), 1024, {"B", "KiB", "MiB", "GiB", "TiB"});
}

std::string PercentText(double share) {
  const double percent = share * 100;
  if (percent < 0.05) return "0%";
  return absl::StrFormat("%.*f%%", percent < 9.95 ? 1 : 0, percent);
}

std::string UptimeText(absl::Duration time) {
  const int64_t seconds = absl::ToInt64Seconds(time);
  const int64_t minutes = seconds / 60;
  const int64_t hours = minutes / 60;
  if (minutes == 0) return absl::StrFormat("%ds", seconds);
  if (hours == 0) return absl::StrFormat("%dm%02ds", minutes, seconds % 60);
  if (hours < 24) return absl::StrFormat("%dh%02dm", hours, minutes % 60);
  return absl::StrFormat("%dd%02dh", hours / 24, hours % 24);
}

}  // namespace vllm_router::routerctl::top
