// The text of --help, made from the same tables that the parser uses. Any thread.
#ifndef SERVER_APP_HELP_H_
#define SERVER_APP_HELP_H_

#include <cstddef>
#include <string>

namespace vllm_router::app {

// Lines of at most `columns` characters (60 at least; a flag's own title is never broken), ends
// with a line end.
std::string HelpText(size_t columns);

// 100, or the width of the terminal that stdout is, when that is less.
size_t HelpColumns();

}  // namespace vllm_router::app

#endif  // SERVER_APP_HELP_H_
