// The configuration file as one more writer of the configuration (--dynamic-config-yaml and -json):
// what differs between the file's former text and its new one is changed, through the same door as
// changes of the admin API; what cannot be changed refuses the whole text, and everything stays as
// it was.
//
// Take runs on the thread that watches files; the rest before that thread runs.
#ifndef SERVER_APP_CONFIG_FILE_WRITER_H_
#define SERVER_APP_CONFIG_FILE_WRITER_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "server/app/flags.h"
#include "server/control/control_plane.h"

namespace vllm_router::app {

class ConfigFileWriter {
 public:
  // `started`: the start of the process, whose command line every new text is read behind. Both
  // outlive the writer. `show` gets the object that /health shows, after each text that was taken.
  ConfigFileWriter(const StartRouter& started, control::ControlPlane& control,
                   std::function<void(const std::string& dynamic_config)> show)
      : started_(started), control_(control), show_(std::move(show)), taken_(started.config) {}

  // Who declares the backends of the --static-* flags: the file when it names them.
  static v1::BackendSource SourceOf(const StartRouter& started);

  // The process goes on with a configuration that was kept: the backends of the file in it become
  // what the file says now, and go when there is none that names backends. Returns once that is in
  // effect, or with why it is not.
  absl::Status DeclareBackends();

  // A new text. OK: it is in effect on every shard.
  absl::Status Take(const std::string& text);

 private:
  absl::Status Change(std::function<void(config::Draft&)> edit);

  const StartRouter& started_;
  control::ControlPlane& control_;
  const std::function<void(const std::string&)> show_;
  Config taken_;  // what the text in effect says
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_CONFIG_FILE_WRITER_H_
