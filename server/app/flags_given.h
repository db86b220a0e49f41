// Which flags were given, by whom, and what follows from it. Lives for one parse, on gflags'
// values, which the caller of ParseCommandLine has to itself.
#ifndef SERVER_APP_FLAGS_GIVEN_H_
#define SERVER_APP_FLAGS_GIVEN_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/app/config_file.h"
#include "server/app/flags_spec.h"

namespace vllm_router::app {

enum class FlagSource : uint8_t { kDefault, kCommandLine, kFile };

// The value of one flag in force.
struct FlagValue {
  const FlagSpec* spec = nullptr;
  std::string text;  // as gflags writes it
  FlagSource source = FlagSource::kDefault;
  std::string where;  // kFile: "router.yaml:3:1"
};

class GivenFlags {
 public:
  // From the command line; `typed` is how it stands there.
  absl::Status Set(const FlagSpec& spec, std::string_view typed, std::string_view value);

  // A default for what the command line leaves open.
  absl::Status SetFromFile(const FileSetting& setting);

  // Refuses what stops the start. Warns of flags given twice, overruled or without effect.
  absl::Status CheckEffects(std::vector<std::string>* warnings) const;

  // `message` with the flags that came from the file called as they are there: "port
  // (router.yaml:3:1)" for "--port".
  std::string NameOrigins(std::string_view message) const;

  // Of every flag, in the order of --help.
  std::vector<FlagValue> Values() const;

 private:
  struct Given {
    const FlagSpec* spec = nullptr;
    int times = 0;
    std::string where;  // in the file, else empty
  };
  const Given* Find(const FlagSpec& spec) const;

  std::vector<Given> given_;  // in the order of the first appearance
  std::vector<std::string> overruled_;
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_FLAGS_GIVEN_H_
