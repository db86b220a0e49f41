// How files fare that take effect again when they change, as metrics. Pure; any thread.
#ifndef SERVER_STATS_FILE_FIGURES_H_
#define SERVER_STATS_FILE_FIGURES_H_

#include <cstdint>
#include <string>
#include <vector>

namespace vllm_router::stats {

struct FileFigures {
  std::string what;  // "configuration file"
  uint64_t errors = 0;
  double last_success = 0;  // seconds since 1970
};

// Prometheus text format 0.0.4, to stand behind what Registry::Render says. Empty without files.
std::string RenderFiles(const std::vector<FileFigures>& files);

}  // namespace vllm_router::stats

#endif  // SERVER_STATS_FILE_FIGURES_H_
