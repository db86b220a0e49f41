// WatchConfig: snapshot, deltas, bookmarks, resume.
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/admin/service.h"
#include "server/admin/watch_interval.h"
#include "server/admin/watcher.h"
#include "server/config/diff.h"
#include "server/control/revisions.h"

namespace vllm_router::admin {
namespace {

using Response = v1::WatchConfigResponse;

// Of a resume token, beside the generation: what its message said of a pending commit.
constexpr uint64_t kNothingPending = 0;
constexpr uint64_t kPending = 1;

class ConfigWatcher final : public Watcher<Response> {
 public:
  ConfigWatcher(Gate& gate, WatchLoop& loop, base::Duration interval,
                control::ControlPlane& control, const OpaqueTokens& tokens,
                const v1::WatchConfigRequest& request)
      : Watcher(gate, loop, interval),
        control_(control),
        tokens_(tokens),
        kinds_(request.kinds()),
        resume_token_(request.resume_token()) {
    std::sort(kinds_.begin(), kinds_.end());
    for (const int kind : kinds_) absl::StrAppendFormat(&filter_, "%d,", kind);
  }

 private:
  void Begin() override {
    if (resume_token_.empty()) return Go();
    const OpaqueTokens::Read read = tokens_.Parse("config", filter_, resume_token_);
    switch (read.verdict) {
      case OpaqueTokens::Verdict::kOtherProcess:
        return End(base::ResumeTokenExpired());
      case OpaqueTokens::Verdict::kForeign:
        return End(base::InvalidField(
            "resume_token", "is not one that this router made for a call with the same kinds"));
      case OpaqueTokens::Verdict::kOurs:
        break;
    }
    // What was pending may have been confirmed since, which makes no generation.
    if (read.tie_break == kPending) sent_commit_.reset();
    const control::ViewPtr view = control_.view();
    if (view->config->generation() == read.position) {
      sent_ = view->config;
      return Go();
    }
    Hold();
    control::ReadFormer(control_.store(), read.position,
                        [this](base::Outcome<control::ConfigPtr> former) {
                          loop().Post([this, former = std::move(former)] {
                            Release();
                            if (!former.ok()) return End(base::ResumeTokenExpired());
                            sent_ = *former;
                            Go();
                          });
                        });
  }

  bool Next(Response* message) override {
    const control::ViewPtr view = control_.view();
    if (sent_ == nullptr) {
      *message->mutable_snapshot() = Shown(*view, Moment::Of(base::Clock::Real()));
      KeepKinds(kinds_, message->mutable_snapshot());
    } else if (sent_->generation() != view->config->generation()) {
      message->set_skipped_generations(view->config->generation() - sent_->generation() - 1);
      FillDelta(*view, message->mutable_delta());
    } else if (!SamePending(*view)) {
      FillBookmark(message);
    } else {
      return false;
    }
    FillFrame(*view, message);
    return true;
  }

  bool OnInterval(Response* message, bool writing) override {
    if (writing) return false;  // the reader is behind: it has something to read
    FillBookmark(message);
    FillFrame(*control_.view(), message);
    return true;
  }

  void FillBookmark(Response* message) {
    *message->mutable_bookmark()->mutable_time() =
        google::protobuf::util::TimeUtil::GetCurrentTime();
  }

  void FillDelta(const control::View& view, v1::ConfigDelta* delta) {
    *delta = *loop().deltas().Between(sent_, view.config);
    KeepKinds(kinds_, delta);
    const Moment moment = Moment::Of(base::Clock::Real());
    for (v1::ConfigResource& resource : *delta->mutable_upserted()) {
      if (resource.has_backend()) {
        *resource.mutable_backend() = Shown(resource.backend(), view, moment);
      } else if (resource.has_callback()) {
        *resource.mutable_callback() = Shown(resource.callback(), view);
      }
    }
    delta->set_origin(view.revision.origin());
    delta->set_actor(view.revision.actor());
    delta->set_reason(view.revision.reason());
  }

  // What every message says.
  void FillFrame(const control::View& view, Response* message) {
    // A bookmark must not claim a generation that has not been sent.
    if (!message->has_bookmark()) sent_ = view.config;
    message->set_generation(sent_->generation());
    message->set_resume_token(tokens_.Make("config", filter_, sent_->generation(),
                                           view.pending ? kPending : kNothingPending));
    sent_commit_ = view.pending ? view.pending->commit_id() : "";
    if (view.pending) *message->mutable_pending_commit() = *view.pending;
  }

  bool SamePending(const control::View& view) const {
    return sent_commit_ == (view.pending ? view.pending->commit_id() : "");
  }

  control::ControlPlane& control_;
  const OpaqueTokens& tokens_;
  google::protobuf::RepeatedField<int> kinds_;
  std::string filter_;
  const std::string resume_token_;
  control::ConfigPtr sent_;  // what the reader has; nullptr before the snapshot
  // The commit that the reader knows to be pending, or "" for none; nullopt: it has to be told.
  std::optional<std::string> sent_commit_ = "";
};

}  // namespace

grpc::ServerWriteReactor<Response>* Service::WatchConfig(Context* context,
                                                         const v1::WatchConfigRequest* request) {
  const auto caller = gate_.AdmitWatcher(*context, "WatchConfig");
  if (!caller.ok()) return new RefusedStream<Response>(caller.failure());
  const auto interval = BookmarkInterval(*request);
  if (!interval.ok()) {
    gate_.LeaveWatcher();
    return new RefusedStream<Response>(interval.failure());
  }
  auto* watcher = new ConfigWatcher(gate_, watches_, *interval, control_, tokens_, *request);
  watcher->Open();
  return watcher;
}

}  // namespace vllm_router::admin
