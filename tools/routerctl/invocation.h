// One run of one command: what was typed, where the output goes, and the connection, which is made
// when it is first needed. Belongs to one thread.
#ifndef TOOLS_ROUTERCTL_INVOCATION_H_
#define TOOLS_ROUTERCTL_INVOCATION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/routerctl/arguments.h"
#include "tools/routerctl/environment.h"

namespace vllm_router {
class Client;
}  // namespace vllm_router

namespace vllm_router::routerctl {

enum class Format : uint8_t { kTable, kJson, kYaml };

class Invocation {
 public:
  Invocation(const Arguments& args, const Environment& env, std::ostream& out, std::ostream& err);
  ~Invocation();

  // The `index`-th argument of the command; empty when it was left out.
  std::string Word(size_t index) const;
  bool Has(std::string_view flag) const { return args.Has(flag); }
  // Of a flag, else of the environment variable that stands in for it.
  std::optional<std::string> Get(std::string_view flag) const;
  std::vector<std::string> All(std::string_view flag) const { return args.All(flag); }
  absl::StatusOr<std::optional<absl::Duration>> GetDuration(std::string_view flag) const;
  absl::StatusOr<std::optional<uint64_t>> GetUint(std::string_view flag) const;

  absl::Status SetUp();
  absl::StatusOr<Client*> client();
  // For messages.
  std::string address() const;
  Format format() const { return format_; }
  // The exit status of a command that ends well; 0 unless it says otherwise.
  int exit_code() const { return exit_code_; }
  void set_exit_code(int code) { exit_code_ = code; }
  bool dry_run() const { return args.Has("--dry-run"); }
  // Columns that a table has to fit; 0 when it is not for a terminal.
  size_t columns() const { return env.terminal ? env.columns : 0; }

  const Arguments& args;
  const Environment& env;
  std::ostream& out;
  std::ostream& err;

 private:
  Format format_ = Format::kTable;
  int exit_code_ = 0;
  std::unique_ptr<Client> client_;
};

// The whole number that `text` is; `name` is what it stands for.
absl::StatusOr<uint64_t> ParseNumber(const std::string& text, std::string_view name);

// Of a file, or of standard input when `path` is "-".
absl::StatusOr<std::string> ReadInput(const Invocation& in, const std::string& path);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_INVOCATION_H_
