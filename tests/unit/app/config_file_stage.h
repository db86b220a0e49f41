// A router without traffic that was started with a configuration file: what its command line says,
// a control plane that has it in effect, and the writer that new texts of the file go to.
#ifndef TESTS_UNIT_APP_CONFIG_FILE_STAGE_H_
#define TESTS_UNIT_APP_CONFIG_FILE_STAGE_H_

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/app/config_file_writer.h"
#include "server/app/seed.h"
#include "tests/support/control_stage.h"
#include "tests/support/replaced_file.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/app/parse.h"

namespace vllm_router::app {

class ConfigFileStage : public testing::Test {
 protected:
  // All that a router needs, with backends by their ports, and `more`.
  static std::string Text(const std::vector<int>& ports, const std::string& more = "") {
    std::string urls;
    for (const int port : ports) {
      absl::StrAppendFormat(&urls, "%shttp://127.0.0.1:%d", urls.empty() ? "" : ", ", port);
    }
    return "service_discovery: static\nrouting_logic: roundrobin\n"
           "static_models:\n  m:\n    static_backends: [" +
           urls + "]\n" + more;
  }

  // Generation 1 is what the file and the command line say.
  void Start(const std::string& text, Args args = {}) {
    file_.Write(text);
    args.insert(args.end(), {"--dynamic-config-yaml", file_.path()});
    started_ = StartOf(args);
    ASSERT_THAT(started_.warnings, testing::Each(testing::Not(testing::StartsWith("error:"))));
    v1::Revision meta;
    meta.set_generation(1);
    auto seed = SeedConfig(started_.config, ConfigFileWriter::SourceOf(started_), meta);
    ASSERT_THAT(seed, test_support::IsOk());
    StartWith(*std::move(seed));
  }
  // Generation 1 is one that was kept, after a start that `started_` tells of.
  void StartWith(v1::Config kept) {
    router_.Start(std::move(kept));
    writer_ = std::make_unique<ConfigFileWriter>(
        started_, router_.control(),
        [this](std::string object) { shown_.push_back(std::move(object)); });
  }

  // "" when the text is in effect, or why it is not, with FILE for the file's path.
  std::string Take(const std::string& text) { return WhyNot(writer_->Take(text)); }
  std::string WhyNot(const absl::Status& status) const {
    std::string why(status.message());
    for (size_t at; (at = why.find(file_.path())) != std::string::npos;) {
      why.replace(at, file_.path().size(), "FILE");
    }
    return why;
  }
  uint32_t max_headers() const { return router_.config()->limits().max_headers(); }
  std::vector<std::string> Urls() const {
    std::vector<std::string> urls;
    for (const v1::Backend& backend : router_.config()->backends()) urls.push_back(backend.url());
    return urls;
  }

  test::ReplacedFile file_{"router.yaml"};
  StartRouter started_;
  test_support::ControlStage router_;
  std::unique_ptr<ConfigFileWriter> writer_;
  std::vector<std::string> shown_;  // as `dynamic_config` of /health
};

}  // namespace vllm_router::app

#endif  // TESTS_UNIT_APP_CONFIG_FILE_STAGE_H_
