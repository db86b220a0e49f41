// SIGTERM and SIGINT as something to wait for. Block them before the first thread starts, so that
// every thread inherits the mask and only WaitForSignal sees them.
#ifndef SERVER_APP_SIGNALS_H_
#define SERVER_APP_SIGNALS_H_

#include <string_view>

namespace vllm_router::app {

void BlockSignals();
// Whether one of them has arrived that nobody has waited for yet.
bool SignalPending();
// Blocks until one of them arrives; its name.
std::string_view WaitForSignal();

}  // namespace vllm_router::app

#endif  // SERVER_APP_SIGNALS_H_
