#include "server/admin/audit_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/admin/audit_query.h"

namespace vllm_router::admin {
namespace {

constexpr int kDefaultPageSize = 100;
constexpr std::string_view kPage = "audit page";
constexpr std::string_view kResume = "audit watch";

void SetTime(base::WallTime now, google::protobuf::Timestamp* out) {
  const int64_t ns = now.time_since_epoch().count();
  out->set_seconds(ns / 1'000'000'000);
  out->set_nanos(static_cast<int32_t>(ns % 1'000'000'000));
}

}  // namespace

uint64_t AuditLog::Append(v1::AuditEvent event) {
  event.set_reason(WithoutControls(event.reason()));
  event.set_request_id(WithoutControls(event.request_id()));
  uint64_t sequence = 0;
  std::vector<Kept> dropped;  // freed outside the lock
  {
    base::MutexLock lock(&mutex_);
    sequence = ++newest_;
    event.set_name(absl::StrFormat("audit/%d", sequence));
    SetTime(options_.clock->WallNow(), event.mutable_time());
    auto kept = std::make_shared<const v1::AuditEvent>(std::move(event));
    // Here, so that the file has the same order.
    if (options_.file != nullptr) options_.file->Append(kept);
    const size_t bytes = kept->ByteSizeLong();
    events_.push_back({std::move(kept), bytes});
    bytes_ += bytes;
    while (events_.size() > 1 &&
           (events_.size() > options_.max_events || bytes_ > options_.max_bytes)) {
      bytes_ -= events_.front().bytes;
      dropped.push_back(std::move(events_.front()));
      events_.pop_front();
    }
  }
  base::MutexLock lock(&subscribers_mutex_);
  for (const auto& [number, on_news] : subscribers_) on_news();
  return sequence;
}

base::Outcome<v1::ListAuditEventsResponse> AuditLog::List(
    const v1::ListAuditEventsRequest& request) const {
  std::vector<base::Violation> violations = CheckAuditQuery(request);
  const std::string filter = FilterText(request);
  uint64_t below = UINT64_MAX;  // sequences of this page are below it
  if (!request.page_token().empty()) {
    const auto [verdict, position, tie_break] = tokens_.Parse(kPage, filter, request.page_token());
    if (verdict != OpaqueTokens::Verdict::kOurs) {
      violations.push_back({"page_token", "this router did not make it, or not for this query"});
    }
    below = position;
  }
  if (!violations.empty()) return base::InvalidFields(std::move(violations));

  // Copied as pointers, so that filtering and copying does not hold up a change.
  std::vector<Kept> kept;
  uint64_t newest = 0;
  {
    base::MutexLock lock(&mutex_);
    newest = newest_;
    kept.assign(events_.begin(), events_.end());
  }
  const int page_size = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  v1::ListAuditEventsResponse page;
  size_t bytes = 0;
  for (size_t i = kept.size(); i > 0; --i) {
    const uint64_t sequence = newest - (kept.size() - i);
    const Kept& candidate = kept[i - 1];
    if (sequence >= below || !Matches(request, *candidate.event)) continue;
    const bool full =
        page.events_size() == page_size || bytes + candidate.bytes > options_.max_page_bytes;
    if (full && page.events_size() > 0) {
      page.set_next_page_token(tokens_.Make(kPage, filter, sequence + 1));
      break;
    }
    bytes += candidate.bytes;
    *page.add_events() = *candidate.event;
  }
  return page;
}

uint64_t AuditLog::newest() const {
  base::MutexLock lock(&mutex_);
  return newest_;
}

AuditLog::Batch AuditLog::ReadAfter(uint64_t after, size_t limit) const {
  base::MutexLock lock(&mutex_);
  Batch batch;
  const uint64_t before_oldest = newest_ - events_.size();
  const uint64_t from = std::clamp(after, before_oldest, newest_);
  batch.skipped = from > after ? from - after : 0;
  const size_t first = from - before_oldest;
  for (size_t i = first; i < events_.size() && batch.events.size() < limit; ++i) {
    batch.events.push_back(events_[i].event);
  }
  batch.last = from + batch.events.size();
  return batch;
}

std::string AuditLog::MakeResumeToken(uint64_t sequence) const {
  return tokens_.Make(kResume, "", sequence);
}

base::Outcome<uint64_t> AuditLog::ReadResumeToken(std::string_view token) const {
  const auto [verdict, position, tie_break] = tokens_.Parse(kResume, "", token);
  if (verdict == OpaqueTokens::Verdict::kForeign) {
    return base::InvalidField("resume_token", "this router did not make it");
  }
  if (verdict == OpaqueTokens::Verdict::kOtherProcess) return base::ResumeTokenExpired();
  base::MutexLock lock(&mutex_);
  if (position < newest_ - events_.size()) return base::ResumeTokenExpired();
  return position;
}

uint64_t AuditLog::Subscribe(std::function<void()> on_news) {
  base::MutexLock lock(&subscribers_mutex_);
  subscribers_.emplace(++last_subscription_, std::move(on_news));
  return last_subscription_;
}

void AuditLog::Unsubscribe(uint64_t subscription) {
  base::MutexLock lock(&subscribers_mutex_);
  subscribers_.erase(subscription);
}

void AuditLog::Flush() {
  if (options_.file != nullptr) options_.file->Flush();
}

uint64_t AuditLog::lost_in_file() const {
  return options_.file == nullptr ? 0 : options_.file->lost();
}

}  // namespace vllm_router::admin
