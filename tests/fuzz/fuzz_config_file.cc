// The configuration file in both formats (the input's first byte chooses): whatever it holds, the
// answer is settings that the command line would take as well, or one line that names the file; and
// what is accepted is accepted again when written as a flat JSON object.
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/app/config_file.h"
#include "server/app/flags.h"
#include "server/base/strings.h"
#include "tests/fuzz/fuzz_check.h"

namespace vllm_router::app {
namespace {

void CheckError(const absl::Status& status) {
  FUZZ_CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  const std::string_view message = base::StdView(status.message());
  FUZZ_CHECK(message.starts_with("f:"));
  for (const char c : message) FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20);
}

void CheckSettings(const std::vector<FileSetting>& settings) {
  std::string flat;
  for (const FileSetting& setting : settings) {
    FUZZ_CHECK(CheckFlagValue(*setting.spec, "--flag", setting.value).ok());
    for (const FileSetting& other : settings) {
      FUZZ_CHECK(&other == &setting || other.spec != setting.spec);
    }
    flat += absl::StrFormat("%s\"%s\":\"%s\"", flat.empty() ? "{" : ",", setting.spec->name,
                            base::JsonEscape(setting.value));
  }
  if (settings.empty()) return;
  const auto again = ParseConfigFile({"f", DocumentFormat::kJson}, flat + "}");
  FUZZ_CHECK(again.ok() && again->size() == settings.size());
}

}  // namespace
}  // namespace vllm_router::app

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vllm_router::app;
  if (size == 0) return 0;
  const DocumentFormat format = data[0] == 'j' ? DocumentFormat::kJson : DocumentFormat::kYaml;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const absl::StatusOr<std::vector<FileSetting>> settings = ParseConfigFile({"f", format}, text);
  if (!settings.ok()) {
    CheckError(settings.status());
    return 0;
  }
  CheckSettings(*settings);
  // How the settings fit together.
  StartRouter started;
  started.args = {"--dynamic-config-json", "f"};
  started.config_file = {"f", format};
  if (format == DocumentFormat::kJson) (void)ParseAgain(started, text);
  return 0;
}
