// One client request that an engine answers, from its last byte to the answer's last byte.
//
//   Begin -> choose (view, pool) -> admission -> pick, lease -> attempt -> relay -> finish
//                  ^                              ^-- retry (budget) --'
//                  '- callbacks, if there are any, before the pool is final
//
// Recycled: a shard keeps the objects for later requests, so that nothing is allocated per request.
// Belongs to its shard's thread. The snapshot is pinned at Begin; every decision for this request
// reads that one.
#ifndef SERVER_GATEWAY_TRANSACTION_H_
#define SERVER_GATEWAY_TRANSACTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "server/callbacks/hooks.h"
#include "server/callbacks/request_hooks.h"
#include "server/fleet/snapshot.h"
#include "server/gateway/access_log.h"
#include "server/gateway/admission.h"
#include "server/gateway/answer.h"
#include "server/gateway/edited_request.h"
#include "server/gateway/ended_requests.h"
#include "server/gateway/endpoint_table.h"
#include "server/gateway/forward_head.h"
#include "server/gateway/live_request.h"
#include "server/gateway/request_reader.h"
#include "server/gateway/request_stats.h"
#include "server/http/session.h"
#include "server/http/sse_tail.h"
#include "server/openai/error.h"
#include "server/routing/policy.h"
#include "server/upstream/exchange.h"

namespace vllm_router::gateway {

class ShardGateway;

class Transaction final : private upstream::ExchangeHandler,
                          private callbacks::RequestHooks::Handler,
                          private net::Timer {
 public:
  explicit Transaction(ShardGateway& gateway);

  // The session's request is complete.
  void Begin(http::Session& session, EndpointKind kind, std::string_view request_id);
  // GET /metrics: waits for the text.
  void BeginScrape(http::Session& session, std::string_view request_id);

  void OnClientGone();
  // The client has taken everything that waited for it.
  void OnClientDrained();
  // The router ends: answers what can be answered and cuts the rest.
  void Cut();
  // The operator ends it: the client is told as if its engine had died.
  void Abort();

  // Serves a request for a model or an engine now.
  bool live() const { return phase_ != Phase::kFree && phase_ != Phase::kScraping; }
  uint64_t number() const { return number_; }
  std::string_view request_id() const { return request_id_; }
  LiveView View() const;
  void Trace(RequestTrace* out) const;

  // Takes a slot of the retry budget, if there is room by the rules of this request.
  bool AcquireRetry();
  // The slot has been taken for this transaction.
  void RetryNow();

 private:
  enum class Phase : uint8_t {
    kFree,
    kScraping,
    kCallback,
    kQueued,
    kAttempt,
    kRetryQueued,
    kRelay
  };
  // How long a retry waits for the budget when there is no connect timeout to go by.
  static constexpr base::Duration kRetryWait = std::chrono::seconds(5);

  enum class Outcome : uint8_t { kAnswered, kClientGone, kCut };

  // What Begin and BeginScrape have in common.
  void Start(http::Session& session, EndpointKind kind, std::string_view request_id);

  // The request as it goes to a backend: as it came, or as callbacks have changed it.
  const http::RequestHead& request_head() const {
    return edited_ == nullptr ? session_->head() : edited_->head();
  }
  const char* request_base() const {
    return edited_ == nullptr ? session_->head_base() : edited_->base();
  }
  std::string_view request_body() const {
    return edited_ != nullptr && edited_->body() ? *edited_->body() : session_->body();
  }

  // --- transaction.cc: what the request wants, and its end ---
  void Choose();
  void Route();
  const openai::RequestError* ReadFacts();
  const fleet::Pool* FindPool();
  // Calls `read` with the session's request as a RequestSource.
  template <typename Read>
  auto WithSource(Read read);
  const fleet::RouteSettings& route() const {
    return pool_ == nullptr ? *snapshot_->route : *pool_->route;
  }
  bool PinnedByQuery();
  void Enter(Phase phase);
  const fleet::Backend* LastBackend() const;
  LivePhase WhichPhase(base::TimePoint* since) const;
  void Remember();
  void Admit();
  void OnAdmitted();
  void AnswerLocally(const LocalAnswer& answer);
  void AnswerError(const openai::RequestError& error, std::string_view message,
                   std::string_view extra = {});
  void Finish(Outcome outcome);

  // --- transaction_hooks.cc: its callbacks ---
  void BeginHooks();
  // Calls `use` with the request as it is now.
  template <typename Use>
  void WithHookView(Use use);
  void KeepForEnd();
  void AskNext();
  void OnVerdict(callbacks::Verdict verdict) override;
  bool Follow(callbacks::Verdict verdict);
  void AnswerForCallback(const callbacks::Verdict& verdict);
  std::optional<std::string> Change(callbacks::Verdict* verdict);
  std::optional<std::string> BodyWithModel(std::string_view model) const;
  void EndHooks();

  // --- transaction_access.cc: its line in the access log ---
  void BeginAccess();
  void LogAccess();

  // --- transaction_attempt.cc: which backend, and what when it fails ---
  routing::PickResult Pick();
  void StartAttempt();
  void Attempt(fleet::BackendPtr backend);
  // The body as `backend` has to see it: with its own name for the model.
  std::string_view BodyFor(const fleet::Backend& backend);
  void Send(fleet::BackendPtr backend, bool fresh_only);
  void OnFailure(const upstream::Failure& failure) override;
  bool RetryStale(const upstream::Failure& failure);
  // The answer that has just begun has a status after which another backend is asked, and there is
  // one: the answer is dropped. False: it is the one for the client.
  bool RetryStatus(int status);
  void CountFailure(const upstream::Failure& failure);
  void Retry();
  void GiveUp();
  void OnTimer() override;

  // --- transaction_relay.cc: the answer on its way to the client ---
  void OnAnswer(const http::ResponseHead* head, const char* base,
                absl::Span<const std::string_view> payload, bool end) override;
  void BeginAnswer(const http::ResponseHead& head, const char* base);
  void WriteToClient(absl::Span<const std::string_view> payload, bool with_head, bool end);
  void BreakOff(std::string_view event);

  ShardGateway& gateway_;
  upstream::Exchange exchange_;

  Phase phase_ = Phase::kFree;
  uint64_t serial_ =
      0;  // counts the requests that this object has served: late callbacks compare it
  http::Session* session_ = nullptr;  // nullptr once the client has gone
  EndpointKind kind_ = EndpointKind::kUnknown;
  fleet::SnapshotPtr snapshot_;
  const fleet::Pool* pool_ = nullptr;
  fleet::BackendPtr pinned_;  // by ?id=
  uint64_t number_ = 0;
  std::string request_id_;
  RequestFacts facts_;
  std::string alias_body_;  // the body with an alias replaced; empty when it goes out as it came
  base::TimePoint began_{};

  // For whoever lists what runs.
  base::TimePoint phase_since_{};
  uint64_t request_bytes_ = 0;
  uint64_t answer_bytes_ = 0;  // handed to the session
  std::string path_;
  std::string gone_peer_;  // the client's address, when it has gone and the answer is read on

  // Its callbacks; nullptr: there are none.
  std::unique_ptr<callbacks::RequestHooks> hooks_;
  std::unique_ptr<EditedRequest> edited_;  // nullptr: none has changed it
  const openai::RequestError* lacks_model_ = nullptr;
  std::string answer_head_;  // as it was sent, for those of PostRequest

  // When things happened.
  base::TimePoint complete_at_{};  // the body's last byte
  base::TimePoint head_at_{};      // the head of the backend's answer; only with status_
  base::TimePoint content_at_{};   // the answer's first content; 0: it has not come

  // For its line in the access log; nothing of it is written when it gets none.
  bool logged_ = false;
  AccessOrigin origin_;
  int sent_status_ = 0;  // to the client; 0: nothing before it left
  uint64_t answer_body_bytes_ = 0;

  Admission::Ticket ticket_ = 0;
  bool holds_slot_ = false;

  fleet::Lease lease_;
  std::string upstream_head_;
  uint32_t attempt_ = 0;
  bool holds_retry_ = false;
  bool stale_retried_ = false;
  upstream::FailureKind last_failure_ = upstream::FailureKind::kConnect;
  absl::InlinedVector<const fleet::Backend*, 4> excluded_;  // kept alive by the snapshot

  int status_ = 0;
  AnswerFraming framing_ = AnswerFraming::kNone;
  bool event_stream_ = false;  // an error event may be put in
  http::SseTail sse_;
  RequestStats stats_;
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_TRANSACTION_H_
