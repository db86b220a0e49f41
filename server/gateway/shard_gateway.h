// The data plane of one shard: its client sessions, its connections to engines, its requests in
// progress, and its copy of the routing state. Everything here belongs to the shard's thread,
// except what GatewayShared marks otherwise.
#ifndef SERVER_GATEWAY_SHARD_GATEWAY_H_
#define SERVER_GATEWAY_SHARD_GATEWAY_H_

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/rng.h"
#include "server/callbacks/caller.h"
#include "server/fleet/snapshot.h"
#include "server/gateway/access_log.h"
#include "server/gateway/admission.h"
#include "server/gateway/answer.h"
#include "server/gateway/authenticator.h"
#include "server/gateway/ended_requests.h"
#include "server/gateway/endpoint_table.h"
#include "server/gateway/live_request.h"
#include "server/gateway/request_log.h"
#include "server/http/session.h"
#include "server/net/listener.h"
#include "server/net/shard.h"
#include "server/net/tls.h"
#include "server/openai/request_view.h"
#include "server/stats/registry.h"
#include "server/upstream/connection_pool.h"
#include "server/upstream/retry_budget.h"

namespace vllm_router::gateway {

class Transaction;

// What all shards share. Thread-safe, set up before the first shard starts, outlives them.
struct GatewayShared {
  stats::Registry& stats;
  Admission& admission;
  std::string version_json;  // body of GET /version
  // Renders /metrics somewhere else and calls back from there with the text.
  std::function<void(std::function<void(std::shared_ptr<const std::string>)>)> scrape;
  // The router is about to end: /readyz says so.
  std::atomic<bool> not_ready{false};
  // Where the access log goes; empty: to stdout.
  AccessOutput access_output = {};
  // What callbacks keep of bodies.
  callbacks::Memory callback_memory = {};
};

class ShardGateway final : public http::SessionHost {
 public:
  ShardGateway(net::Shard& shard, GatewayShared& shared, fleet::SnapshotPtr snapshot,
               net::TlsContext backend_tls);
  ~ShardGateway();

  // --- called on the shard's thread ---
  void Accept(net::Accepted accepted, const net::TlsContext& tls);
  void SetSnapshot(fleet::SnapshotPtr snapshot) {
    snapshot_ = std::move(snapshot);
    stats_.generation.Set(snapshot_->generation);
    caller_.Follow(snapshot_->callbacks);
  }
  void SetAuthenticator(std::shared_ptr<const Authenticator> keys) {
    authenticator_ = std::move(keys);
  }
  // What GET /health answers.
  void SetHealthBody(std::string body) { health_body_ = std::move(body); }
  // For connections to engines that are opened from now on.
  void SetBackendTls(net::TlsContext tls) { connections_.set_tls(std::move(tls)); }
  // Idle sessions end now, others after their answer; `drained` is called once none is left.
  void Drain(std::function<void()> drained);
  // Cuts what is still running; event streams get an error event first.
  void CutAll();

  // --- what runs and what ran (shard_gateway_live.cc); on the shard's thread ---
  // Appends the oldest `limit` requests that `filter` takes, oldest first.
  void ListLive(const LiveFilter& filter, size_t limit, std::vector<LiveRequest>* out);
  // Cuts those that `filter` takes, as if their engine had died; returns them as they were.
  std::vector<LiveRequest> Abort(const LiveFilter& filter);
  // The request of that X-Request-Id that runs, else the last one that has ended.
  std::optional<RequestTrace> FindRequest(std::string_view http_request_id) const;

  // --- for transactions ---
  net::EventLoop& loop() { return shard_.loop(); }
  size_t shard_index() const { return shard_.index(); }
  GatewayShared& shared() { return shared_; }
  stats::ShardStats& stats() { return stats_; }
  const fleet::SnapshotPtr& snapshot() const { return snapshot_; }
  base::Rng& rng() { return rng_; }
  openai::RequestViewParser& parser() { return parser_; }
  upstream::ConnectionPool& connections() { return connections_; }
  upstream::RetryBudget& retry_budget() { return retry_budget_; }
  callbacks::Caller& caller() { return caller_; }
  RequestLog& log() { return log_; }
  // Whether a request that begins now gets a line in the access log.
  bool LogsAccess(EndpointKind kind) const {
    const fleet::Settings& settings = snapshot_->settings;
    return settings.access_log != fleet::AccessLogFormat::kOff &&
           (settings.access_log_probes || !IsProbe(kind));
  }
  void LogAccess(const AccessEntry& entry) {
    access_log_.Write(entry, snapshot_->settings.access_log);
  }
  EndedRequests& ended() { return ended_; }
  std::string_view date() { return date_.At(loop().wall_now()); }
  std::string& head_memory() { return head_memory_; }
  bool has_keys() const { return authenticator_ != nullptr; }

  // The head that is sent is left in `head` if that is not nullptr.
  void Answer(http::Session& session, const LocalAnswer& answer, std::string* head = nullptr);

  // Retries that wait for their share of the budget, first come first served.
  void QueueRetry(Transaction* transaction) { waiting_retries_.push_back(transaction); }
  void UnqueueRetry(Transaction* transaction);
  void ReleaseRetry();

  // The transaction is over: it may serve another request after this turn.
  void Recycle(Transaction* transaction);

 private:
  // http::SessionHost
  http::SessionLimits Limits() const override;
  bool OnHead(http::Session& session) override;
  void OnRequest(http::Session& session) override;
  void OnBadRequest(http::Session& session, int status, std::string_view message) override;
  void OnClientGone(http::Session& session) override;
  void OnDrained(http::Session& session) override;
  void OnClosed(http::Session& session) override;

  bool Authorized(http::Session& session);
  // AnswerError for a request that has not become a transaction, and counts it.
  void Refuse(http::Session& session, const openai::RequestError& error, std::string_view message,
              std::string_view request_id, std::string_view extra_fields = {});
  void AnswerLocally(http::Session& session, EndpointKind kind);

  // --- requests that end without a transaction (shard_gateway_access.cc) ---
  // Answers, and writes the request's line first: the answer may bring the next request.
  void AnswerAndLog(http::Session& session, const LocalAnswer& answer, stats::Cause cause);
  // Its body will not come any more, and it gets no answer.
  void LogUnanswered(http::Session& session, int status, stats::Cause cause);
  void LogWithoutTransaction(const http::Session& session, AccessEntry entry);
  // Callbacks of PostRequest hear of it as well, unless it was for the router alone.
  void TellCallbacks(const http::Session& session, int status, stats::Cause cause,
                     std::string_view request_id);

  std::string_view RequestId(const http::Session& session, std::string* made);
  Transaction* NewTransaction();
  template <typename Visit>
  void ForEachLive(const LiveFilter& filter, Visit visit);
  void UpdateGauges();

  net::Shard& shard_;
  GatewayShared& shared_;
  stats::ShardStats& stats_;
  fleet::SnapshotPtr snapshot_;
  std::shared_ptr<const Authenticator> authenticator_;
  std::string health_body_ = "{\"status\":\"healthy\"}";
  base::Rng rng_;
  openai::RequestViewParser parser_;
  upstream::ConnectionPool connections_;
  upstream::RetryBudget retry_budget_;
  callbacks::Caller caller_;
  RequestLog log_;
  AccessLog access_log_;
  AccessOrigin access_origin_;  // working memory
  DateCache date_;
  std::string head_memory_;
  std::string id_memory_;
  RequestNumber numbers_;
  EndedRequests ended_;

  std::deque<Transaction*> waiting_retries_;
  std::vector<std::unique_ptr<Transaction>> all_transactions_;
  std::vector<Transaction*> free_transactions_;
  std::vector<Transaction*> finished_transactions_;  // free after this turn
  http::SessionList sessions_;

  bool draining_ = false;
  std::function<void()> drained_;
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_SHARD_GATEWAY_H_
