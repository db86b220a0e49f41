// Figures as short as a column of a few characters wants them. Pure functions.
#ifndef TOOLS_ROUTERCTL_TOP_FORMAT_H_
#define TOOLS_ROUTERCTL_TOP_FORMAT_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace vllm_router::routerctl::top {

// "0", "0.25", "9.9", "250", "12.3k", "4.0M": at most five characters below 1000 million.
std::string RateText(double per_second);
std::string CountText(uint64_t count);

// "512B", "3.4KiB", "120MiB".
std::string BytesText(uint64_t bytes);

// Of 1 as 100: "0%", "0.4%", "250%".
std::string PercentText(double share);

// "45s", "12m05s", "5h07m", "3d04h".
std::string UptimeText(absl::Duration time);

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_FORMAT_H_
