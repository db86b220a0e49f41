#include "server/app/config_file_writer.h"

#include <algorithm>
#include <future>
#include <utility>

#include "server/app/dynamic_config.h"
#include "server/app/seed.h"
#include "server/base/log.h"
#include "server/base/status.h"

namespace vllm_router::app {
namespace {

// Everything that is wrong with a change, on one line.
std::string WhyNot(const base::Failure& failure) {
  std::string why;
  for (const base::Violation& violation : failure.violations) {
    if (!why.empty()) why += "; ";
    why += violation.field + ": " + violation.description;
  }
  return why.empty() ? failure.message : why;
}

}  // namespace

v1::BackendSource ConfigFileWriter::SourceOf(const StartRouter& started) {
  const bool from_file =
      std::any_of(started.values.begin(), started.values.end(), [](const FlagValue& value) {
        return value.spec->name == "static_backends" && value.source == FlagSource::kFile;
      });
  return from_file ? v1::BACKEND_SOURCE_FILE : v1::BACKEND_SOURCE_FLAG;
}

absl::Status ConfigFileWriter::Change(std::function<void(config::Draft&)> edit) {
  std::promise<absl::Status> done;
  const v1::BackendSource source = SourceOf(started_);
  control_.Submit({.author = {.actor = "discovery:file",
                              .origin = v1::REVISION_ORIGIN_DISCOVERY,
                              .reason = "the configuration file says so"},
                   .edit = std::move(edit),
                   .source = source},
                  [&done](const base::Outcome<control::Applied>& applied) {
                    done.set_value(applied.ok()
                                       ? absl::OkStatus()
                                       : absl::FailedPreconditionError(WhyNot(applied.failure())));
                  });
  return done.get_future().get();
}

absl::Status ConfigFileWriter::DeclareBackends() {
  if (SourceOf(started_) == v1::BACKEND_SOURCE_FILE) {
    return Change(app::DeclareBackends(started_.config, v1::BACKEND_SOURCE_FILE));
  }
  // Nobody speaks for the backends that a file declared once.
  return Change([](config::Draft& draft) {
    draft.DeclareBackends(v1::BACKEND_SOURCE_FILE, std::vector<v1::Backend>());
  });
}

absl::Status ConfigFileWriter::Take(const std::string& text) {
  ROUTER_ASSIGN_OR_RETURN(StartRouter next, ParseAgain(started_, text));
  for (const std::string& warning : next.warnings) ROUTER_LOG(kWarning, "%s", warning);
  ROUTER_RETURN_IF_ERROR(Change(EditBetween(taken_, next.config, SourceOf(started_))));
  taken_ = std::move(next.config);
  show_(RenderDynamicConfig(next.values));
  return absl::OkStatus();
}

}  // namespace vllm_router::app
