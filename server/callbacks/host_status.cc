#include "server/callbacks/host_status.h"

#include <simdjson.h>

#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::callbacks {
namespace {

namespace dom = simdjson::dom;

absl::Status Wrong(std::string_view line, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrFormat("its status '%s' %s", base::Printable(line), what));
}

absl::StatusOr<bool> Flag(const dom::object& object, std::string_view key, std::string_view line) {
  bool value = false;
  if (object.at_key(key).get(value) == simdjson::SUCCESS) return value;
  return Wrong(line, absl::StrFormat("does not say whether \"%s\" is true or false", key));
}

// "" when it is not there.
std::string Text(const dom::object& object, std::string_view key) {
  std::string_view value;
  return object.at_key(key).get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
}

}  // namespace

absl::StatusOr<HostStatus> ParseHostStatus(std::string_view line) {
  if (line.size() > kMaxHostStatusBytes) return Wrong(line, "is too long");
  dom::parser parser;
  dom::element root;
  if (const auto error = parser.parse(line.data(), line.size()).get(root)) {
    return Wrong(line, absl::StrFormat("is not valid JSON: %s", simdjson::error_message(error)));
  }
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return Wrong(line, "is no JSON object");

  HostStatus status;
  ROUTER_ASSIGN_OR_RETURN(status.ready, Flag(object, "ready", line));
  if (status.ready) {
    ROUTER_ASSIGN_OR_RETURN(status.pre_request, Flag(object, "pre_request", line));
    ROUTER_ASSIGN_OR_RETURN(status.post_request, Flag(object, "post_request", line));
    return status;
  }
  status.module = Text(object, "module");
  status.attribute = Text(object, "attribute");
  status.message = Text(object, "message");
  if (status.message.empty()) return Wrong(line, "does not say why it is not ready");
  return status;
}

}  // namespace vllm_router::callbacks
