// The command tree as tables. Parsing, help and shell completion are all made from them. Constant
// after the first use.
#ifndef TOOLS_ROUTERCTL_COMMAND_H_
#define TOOLS_ROUTERCTL_COMMAND_H_

#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace vllm_router::routerctl {

class Invocation;

struct FlagSpec {
  std::string_view name;     // "--model"
  std::string_view metavar;  // empty: a switch
  std::string_view help;
  std::string_view choices = "";  // "wait|abort|release"; empty: any value
  // The field of the command's resource that it sets: "tls.ca_file".
  std::string_view field = "";
  bool repeated = false;
  std::string_view variable = "";    // environment variable that stands in for it
  std::string_view short_name = "";  // "-o"
};

// What a command does to the router.
enum class Effect : uint8_t {
  kNone,        // reads, or does not talk to it
  kAudited,     // changes: takes --reason
  kDryRunnable  // changes: takes --reason and --dry-run
};

struct CommandSpec {
  std::string_view name;       // "backends add"
  std::string_view arguments;  // "ID", "[MODEL]", "FIELD=VALUE...", separated by spaces
  std::string_view summary;
  std::string_view example;  // lines as they are typed
  absl::Status (*run)(Invocation&);
  Effect effect = Effect::kNone;
  std::vector<FlagSpec> flags = {};
  std::string_view notes = "";  // printed under the flags as it stands
};

// A first word with commands below it.
struct NounSpec {
  std::string_view name;
  std::string_view summary;
};

const std::vector<NounSpec>& Nouns();
const std::vector<CommandSpec>& Commands();
const std::vector<FlagSpec>& GlobalFlags();

// --reason and --dry-run, which stand before or behind the command as global flags do, but belong
// to commands that change something.
const std::vector<FlagSpec>& ChangeFlags();
// The flags of `command` and those of ChangeFlags() that it takes.
std::vector<FlagSpec> FlagsOf(const CommandSpec& command);

// The tables, by noun.
std::vector<CommandSpec> BackendCommands();
std::vector<CommandSpec> RoutingCommands();
std::vector<CommandSpec> CallbackCommands();
std::vector<CommandSpec> AliasCommands();
std::vector<CommandSpec> LimitsCommands();
std::vector<CommandSpec> ConfigCommands();
std::vector<CommandSpec> StatsCommands();
std::vector<CommandSpec> TopCommands();
std::vector<CommandSpec> RequestCommands();
std::vector<CommandSpec> AuditCommands();
std::vector<CommandSpec> ServerCommands();
std::vector<CommandSpec> LocalCommands();  // completion, version, help

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_COMMAND_H_
