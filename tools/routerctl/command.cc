#include "tools/routerctl/command.h"

namespace vllm_router::routerctl {

const std::vector<NounSpec>& Nouns() {
  static const auto* const nouns = new std::vector<NounSpec>{
      {"backends", "the engines that requests go to"},
      {"routing", "how a backend is chosen, by default and per model"},
      {"callbacks", "services that see and change requests"},
      {"aliases", "names that stand for models"},
      {"limits", "limits, timeouts and intervals of the router"},
      {"config", "the configuration as a whole, its history and its undoing"},
      {"requests", "the requests that run now"},
      {"audit", "who changed what"},
  };
  return *nouns;
}

const std::vector<CommandSpec>& Commands() {
  static const auto* const commands = [] {
    auto* all = new std::vector<CommandSpec>;
    for (const auto& group :
         {BackendCommands(), RoutingCommands(), CallbackCommands(), AliasCommands(),
          LimitsCommands(), ConfigCommands(), StatsCommands(), TopCommands(), RequestCommands(),
          AuditCommands(), ServerCommands(), LocalCommands()}) {
      all->insert(all->end(), group.begin(), group.end());
    }
    return all;
  }();
  return *commands;
}

const std::vector<FlagSpec>& GlobalFlags() {
  static const auto* const flags = new std::vector<FlagSpec>{
      {.name = "--address",
       .metavar = "ADDRESS",
       .help = "The router's admin address: host:port or unix:/path. Default: 127.0.0.1:50051.",
       .variable = "ROUTERCTL_ADDRESS"},
      {.name = "--tls",
       .metavar = "",
       .help = "Speak TLS, trusting the system's authorities; each of the following does too.",
       .variable = "ROUTERCTL_TLS"},
      {.name = "--tls-ca",
       .metavar = "FILE",
       .help = "Authorities to trust, PEM.",
       .variable = "ROUTERCTL_TLS_CA"},
      {.name = "--tls-cert",
       .metavar = "FILE",
       .help = "Client certificate, PEM.",
       .variable = "ROUTERCTL_TLS_CERT"},
      {.name = "--tls-key",
       .metavar = "FILE",
       .help = "Its key, PEM.",
       .variable = "ROUTERCTL_TLS_KEY"},
      {.name = "--tls-server-name",
       .metavar = "NAME",
       .help = "Name expected in the router's certificate. Default: the address's host.",
       .variable = "ROUTERCTL_TLS_SERVER_NAME"},
      {.name = "--token-file",
       .metavar = "FILE",
       .help = "Bearer token. ROUTERCTL_TOKEN holds one itself.",
       .variable = "ROUTERCTL_TOKEN_FILE"},
      {.name = "--timeout",
       .metavar = "DURATION",
       .help = "Longest wait for an answer. Default: 10s.",
       .variable = "ROUTERCTL_TIMEOUT"},
      {.name = "--output",
       .metavar = "FORMAT",
       .help = "table for people, json and yaml for programs. Default: table.",
       .choices = "table|json|yaml",
       .variable = "ROUTERCTL_OUTPUT",
       .short_name = "-o"},
      {.name = "--help", .metavar = "", .help = "Show help.", .short_name = "-h"},
  };
  return *flags;
}

const std::vector<FlagSpec>& ChangeFlags() {
  static const auto* const flags = new std::vector<FlagSpec>{
      {.name = "--reason", .metavar = "TEXT", .help = "Why, for the audit."},
      {.name = "--dry-run",
       .metavar = "",
       .help = "Make all checks and show what would change; change nothing."},
  };
  return *flags;
}

std::vector<FlagSpec> FlagsOf(const CommandSpec& command) {
  std::vector<FlagSpec> flags = command.flags;
  if (command.effect != Effect::kNone) flags.push_back(ChangeFlags()[0]);
  if (command.effect == Effect::kDryRunnable) flags.push_back(ChangeFlags()[1]);
  return flags;
}

}  // namespace vllm_router::routerctl
