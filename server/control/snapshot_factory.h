// Makes the snapshot of a configuration, and keeps what has to live on from one generation to the
// next: runtimes of backends, the state of routing logics, backends that have not changed.
//
// Belongs to the control thread. Build changes nothing that a request could see, so that it also
// serves dry runs; what was made for a configuration that never came into effect is forgotten.
#ifndef SERVER_CONTROL_SNAPSHOT_FACTORY_H_
#define SERVER_CONTROL_SNAPSHOT_FACTORY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/router.pb.h"
#include "server/base/failure.h"
#include "server/base/strings.h"
#include "server/control/callback_factory.h"
#include "server/control/compile.h"
#include "server/control/credentials.h"
#include "server/fleet/snapshot.h"
#include "server/routing/policy.h"
#include "server/stats/registry.h"

namespace vllm_router::control {

class SnapshotFactory {
 public:
  // `stats` outlives the factory.
  SnapshotFactory(stats::Registry& stats, int64_t started_unix);

  // What is as in `former`, the snapshot in effect if there is one, is taken over from there.
  // INVALID_FIELDS when a key or certificate that `config` names cannot be read.
  base::Outcome<fleet::SnapshotPtr> Build(const v1::Config& config,
                                          const fleet::Snapshot* former = nullptr);

  // Reads the files with keys and certificates again that have changed. True: a snapshot that is
  // built now differs from the one before.
  bool RefreshCredentials();

  // The runtime of a backend in use; nullptr: none of that id.
  std::shared_ptr<fleet::BackendRuntime> FindRuntime(std::string_view id) const;

  std::vector<std::string> logics() const { return registry_.Names(); }

 private:
  base::Outcome<fleet::BackendPtr> BackendFor(const v1::Backend& backend);
  std::shared_ptr<fleet::BackendRuntime> RuntimeFor(std::string_view id);
  void ForgetTheDead();

  stats::Registry& stats_;
  const int64_t started_unix_;
  routing::PolicyRegistry registry_;
  std::map<std::string, std::unique_ptr<routing::Policy>> policies_;  // by logic
  Credentials credentials_;
  CallbackFactory callbacks_;
  base::StringMap<std::weak_ptr<fleet::BackendRuntime>> runtimes_;  // by backend id

  // Backends as they were made, so that what did not change is the same object in the next
  // generation. A resource changes its etag with its content. The etag of a proposal that was
  // dropped can come again with other content, but by then nothing holds that backend any more.
  struct Made {
    std::string etag;
    uint64_t credentials;  // version that it was made with
    std::weak_ptr<const fleet::Backend> backend;
  };
  base::StringMap<Made> made_;  // by backend id
};

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_SNAPSHOT_FACTORY_H_
