#include "server/control/revisions.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "server/base/strings.h"
#include "server/config/diff.h"
#include "server/control/stored_state.h"

namespace vllm_router::control {
namespace {

base::Failure Failed(const absl::Status& status) {
  return base::StateStoreFailed(base::StdView(status.message()));
}

// Reads one generation; says which is the oldest one when it is not there.
void ReadStored(store::Store& store, uint64_t generation,
                std::function<void(base::Outcome<StoredRevision>)> done) {
  store.Read(generation, [&store, generation,
                          done = std::move(done)](absl::StatusOr<store::Revision> stored) mutable {
    if (absl::IsNotFound(stored.status())) {
      store.List(0, SIZE_MAX,
                 [generation, done = std::move(done)](
                     const absl::StatusOr<std::vector<store::Revision>>& kept) {
                   const bool any = kept.ok() && !kept->empty();
                   done(base::RevisionNotFound(generation, any ? kept->back().generation : 0));
                 });
      return;
    }
    if (!stored.ok()) return done(Failed(stored.status()));
    absl::StatusOr<StoredRevision> revision = FromStored(*stored);
    if (!revision.ok()) return done(Failed(revision.status()));
    done(*std::move(revision));
  });
}

}  // namespace

void ReadFormer(store::Store& store, uint64_t generation,
                std::function<void(base::Outcome<ConfigPtr>)> done) {
  ReadStored(store, generation, [done = std::move(done)](base::Outcome<StoredRevision> former) {
    if (!former.ok()) return done(std::move(former).failure());
    done(ConfigPtr(std::make_shared<const v1::Config>(std::move(former->config))));
  });
}

void ReadRevision(store::Store& store, uint64_t generation,
                  std::function<void(base::Outcome<v1::Revision>)> done) {
  ReadStored(
      store, generation,
      [&store, generation, done = std::move(done)](base::Outcome<StoredRevision> found) mutable {
        if (!found.ok()) return done(std::move(found).failure());
        ReadStored(store, generation - 1,
                   [found = *std::move(found),
                    done = std::move(done)](const base::Outcome<StoredRevision>& before) mutable {
                     v1::Revision revision = std::move(found.meta);
                     if (before.ok()) {
                       *revision.mutable_diff() = config::Diff(before->config, found.config);
                     }
                     config::Redact(found.config);
                     *revision.mutable_config() = std::move(found.config);
                     done(std::move(revision));
                   });
      });
}

}  // namespace vllm_router::control
