#include "tools/routerctl/invocation.h"

#include <cerrno>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "tools/routerctl/values.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl {
namespace {

constexpr char kDefaultAddress[] = "127.0.0.1:50051";

}  // namespace

Invocation::Invocation(const Arguments& args, const Environment& env, std::ostream& out,
                       std::ostream& err)
    : args(args), env(env), out(out), err(err) {}
Invocation::~Invocation() = default;

std::string Invocation::Word(size_t index) const {
  return index < args.words.size() ? args.words[index] : "";
}

std::optional<std::string> Invocation::Get(std::string_view flag) const {
  if (std::optional<std::string> value = args.Get(flag); value.has_value()) return value;
  for (const FlagSpec& spec : GlobalFlags()) {
    if (spec.name != flag || spec.variable.empty()) continue;
    const std::string value = env.Variable(std::string(spec.variable));
    if (!value.empty()) return value;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<absl::Duration>> Invocation::GetDuration(std::string_view flag) const {
  const std::optional<std::string> text = Get(flag);
  if (!text.has_value()) return std::optional<absl::Duration>();
  const absl::StatusOr<absl::Duration> value = ParseDuration(*text);
  if (value.ok()) return std::optional<absl::Duration>(*value);
  return UsageError(absl::StrFormat("%s: %s", flag, std::string(value.status().message())));
}

absl::StatusOr<std::optional<uint64_t>> Invocation::GetUint(std::string_view flag) const {
  const std::optional<std::string> text = Get(flag);
  if (!text.has_value()) return std::optional<uint64_t>();
  ROUTER_ASSIGN_OR_RETURN(const uint64_t value, ParseNumber(*text, flag));
  return std::optional<uint64_t>(value);
}

absl::Status Invocation::SetUp() {
  const std::string format = Get("--output").value_or("table");
  if (format == "json") {
    format_ = Format::kJson;
  } else if (format == "yaml") {
    format_ = Format::kYaml;
  } else if (format != "table") {
    return UsageError(
        absl::StrFormat("ROUTERCTL_OUTPUT: \"%s\" is not table, json or yaml", format));
  }
  return absl::OkStatus();
}

std::string Invocation::address() const { return Get("--address").value_or(kDefaultAddress); }

absl::StatusOr<Client*> Invocation::client() {
  if (client_ != nullptr) return client_.get();
  ClientOptions options;
  options.address = address();
  options.user_agent = "routerctl";
  // A person waits: three attempts within half a second, then say so.
  options.retry.max_attempts = 3;
  TlsOptions tls;
  tls.ca_file = Get("--tls-ca").value_or("");
  tls.cert_file = Get("--tls-cert").value_or("");
  tls.key_file = Get("--tls-key").value_or("");
  tls.server_name = Get("--tls-server-name").value_or("");
  const std::string switched = Get("--tls").value_or("0");
  const bool wanted = Has("--tls") || (switched != "0" && switched != "false");
  if (wanted || !(tls.ca_file + tls.cert_file + tls.key_file + tls.server_name).empty()) {
    options.tls = tls;
  }
  options.bearer_token_file = Get("--token-file").value_or("");
  if (options.bearer_token_file.empty()) options.bearer_token = env.Variable("ROUTERCTL_TOKEN");
  ROUTER_ASSIGN_OR_RETURN(const std::optional<absl::Duration> timeout, GetDuration("--timeout"));
  if (timeout.has_value()) options.default_timeout = *timeout;
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(options);
  if (!client.ok()) return UsageError(std::string(client.status().message()));
  client_ = *std::move(client);
  return client_.get();
}

absl::StatusOr<uint64_t> ParseNumber(const std::string& text, std::string_view name) {
  uint64_t value = 0;
  if (text.find_first_not_of("0123456789") == std::string::npos && absl::SimpleAtoi(text, &value)) {
    return value;
  }
  return UsageError(absl::StrFormat("%s: \"%s\" is not a whole number", name, text));
}

absl::StatusOr<std::string> ReadInput(const Invocation& in, const std::string& path) {
  std::ostringstream content;
  if (path == "-") {
    if (in.env.in != nullptr) content << in.env.in->rdbuf();
    return content.str();
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (file && file.peek() != std::ifstream::traits_type::eof()) content << file.rdbuf();
  if (errno != 0) return absl::ErrnoToStatus(errno, absl::StrFormat("cannot read %s", path));
  return content.str();
}

}  // namespace vllm_router::routerctl
