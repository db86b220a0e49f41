// WatchAuditEvents: events as they happen, bookmarks, resume.
#include <google/protobuf/util/time_util.h>

#include <utility>

#include "server/admin/service.h"
#include "server/admin/watch_interval.h"
#include "server/admin/watcher.h"

namespace vllm_router::admin {
namespace {

using Response = v1::WatchAuditEventsResponse;

class AuditWatcher final : public Watcher<Response> {
 public:
  // `after`: the sequence of the last event that the reader has.
  AuditWatcher(Gate& gate, WatchLoop& loop, base::Duration interval, const AuditLog& audit,
               uint64_t after)
      : Watcher(gate, loop, interval), audit_(audit), after_(after) {}

 private:
  bool Next(Response* message) override {
    const AuditLog::Batch batch = audit_.ReadAfter(after_, 1);
    if (batch.events.empty()) return false;
    *message->mutable_audit_event() = *batch.events.front();
    message->set_skipped_events(batch.skipped);
    after_ = batch.last;
    message->set_resume_token(audit_.MakeResumeToken(after_));
    return true;
  }

  bool OnInterval(Response* message, bool writing) override {
    if (writing) return false;
    *message->mutable_bookmark()->mutable_time() =
        google::protobuf::util::TimeUtil::GetCurrentTime();
    message->set_resume_token(audit_.MakeResumeToken(after_));
    return true;
  }

  const AuditLog& audit_;
  uint64_t after_;
};

}  // namespace

grpc::ServerWriteReactor<Response>* Service::WatchAuditEvents(
    Context* context, const v1::WatchAuditEventsRequest* request) {
  const auto caller = gate_.AdmitWatcher(*context, "WatchAuditEvents");
  if (!caller.ok()) return new RefusedStream<Response>(caller.failure());
  const auto refuse = [this](const base::Failure& failure) {
    gate_.LeaveWatcher();
    return new RefusedStream<Response>(failure);
  };
  const auto interval = BookmarkInterval(*request);
  if (!interval.ok()) return refuse(interval.failure());
  base::Outcome<uint64_t> after = audit_.newest();
  if (!request->resume_token().empty()) after = audit_.ReadResumeToken(request->resume_token());
  if (!after.ok()) return refuse(after.failure());
  auto* watcher = new AuditWatcher(gate_, watches_, *interval, audit_, *after);
  watcher->Open();
  return watcher;
}

}  // namespace vllm_router::admin
