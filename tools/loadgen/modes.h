// The four ways to load a target. Each runs on one thread until it is over.
#ifndef TOOLS_LOADGEN_MODES_H_
#define TOOLS_LOADGEN_MODES_H_

#include <string>
#include <string_view>

#include "tools/loadgen/options.h"

namespace vllm_router::loadgen {

struct Report {
  bool clean = true;  // nothing failed, was cut, missing or out of order
  std::string text;   // for people, several lines
  std::string json;   // one object
};

// `request` is what each connection sends, a whole HTTP request.
Report RunStream(const Options& options, const Address& address, std::string_view request);
Report RunRate(const Options& options, const Address& address, std::string_view request);
Report RunClosed(const Options& options, const Address& address, std::string_view request);
Report RunIdle(const Options& options, const Address& address, std::string_view request);

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_MODES_H_
