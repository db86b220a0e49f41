// What is called before and after each request.
#include <gflags/gflags.h>

#include <algorithm>

#include "absl/strings/str_format.h"
#include "server/app/flags_groups.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/config/callback_target.h"

DEFINE_string(callbacks, "",
              "What is called before and after each request: a service (gRPC) as HOST:PORT, "
              "[IPV6]:PORT or unix:/PATH, or, as in the original, a Python handler as "
              "MODULE.INSTANCE, which runs in a process that the router starts and watches. In the "
              "admin API it is callbacks/flag: a service with the defaults there (it gets no "
              "bodies, and requests go on without it while it fails), a handler with all that a "
              "handler gets in the original (requests fail while it does).");
DEFINE_string(callbacks_python, "python3",
              "The Python, by name or path, that runs the handler of --callbacks. It needs the "
              "package of client/python (pip install ./client/python).");

namespace vllm_router::app {
namespace {

// Without a colon and a slash, which every service has.
bool NamesHandler(std::string_view value) {
  return !value.empty() && value.find_first_of(":/") == std::string_view::npos;
}

constexpr FlagSpec kFlags[] = {
    Text("callbacks", "TARGET|MODULE.INSTANCE")
        .OfOriginal()
        .NeedsRestartFor(NamesHandler, "Python code is imported at the start only"),
    Text("callbacks_python", "PYTHON").NeedsRestart(),
};

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Of a module's name. Python imports by name also what its own grammar could not spell.
bool IsModulePart(std::string_view part) {
  return !part.empty() && part.front() != '-' && std::all_of(part.begin(), part.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '-';
  });
}

bool IsIdentifier(std::string_view word) {
  return !word.empty() && !IsDigit(word.front()) &&
         std::all_of(word.begin(), word.end(), [](char c) { return IsLetter(c) || IsDigit(c); });
}

// At least one dot; the last one ends the module's name.
bool IsModuleInstance(std::string_view value) {
  const size_t dot = value.rfind('.');
  if (dot == std::string_view::npos || !IsIdentifier(value.substr(dot + 1))) return false;
  std::string_view module = value.substr(0, dot);
  while (true) {
    const size_t end = std::min(module.find('.'), module.size());
    if (!IsModulePart(module.substr(0, end))) return false;
    if (end == module.size()) return true;
    module.remove_prefix(end + 1);
  }
}

absl::Status ParseCallbacks(const std::string& value, CallbackOptions* callbacks) {
  if (value.empty()) return absl::OkStatus();
  if (NamesHandler(value)) {
    if (!IsModuleInstance(value)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("--callbacks '%s' is not allowed: give HOST:PORT, [IPV6]:PORT, "
                          "unix:/PATH or MODULE.INSTANCE",
                          base::Printable(value)));
    }
    callbacks->handler = value;
    return absl::OkStatus();
  }
  const auto target = config::ParseCallbackTarget(value);
  if (!target.ok()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("--callbacks %s; a Python handler is given as MODULE.INSTANCE",
                        std::string(target.status().message())));
  }
  callbacks->target = value;
  return absl::OkStatus();
}

absl::Status Fill(Config* config, std::vector<std::string>* warnings) {
  CallbackOptions& callbacks = config->callbacks;
  ROUTER_RETURN_IF_ERROR(ParseCallbacks(FLAGS_callbacks, &callbacks));
  if (FLAGS_callbacks_python.empty()) {
    return absl::InvalidArgumentError(
        "--callbacks-python '' is not allowed: give a name or a path, such as python3");
  }
  if (FLAGS_callbacks_python != callbacks.python && callbacks.handler.empty()) {
    warnings->push_back("--callbacks-python has no effect without --callbacks MODULE.INSTANCE");
  }
  callbacks.python = FLAGS_callbacks_python;
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& CallbackFlags() {
  static constexpr FlagGroup kGroup = {"Callbacks", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
