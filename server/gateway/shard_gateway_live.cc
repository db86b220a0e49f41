// The requests of a ShardGateway as the operator sees them: listed, aborted, remembered.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/gateway/forward_head.h"
#include "server/gateway/shard_gateway.h"
#include "server/gateway/transaction.h"

namespace vllm_router::gateway {
namespace {

// A request whose body has not come whole: there is no transaction yet.
LiveView Reading(const http::Session& session) {
  const std::string_view id = session.Header(http::FieldId::kXRequestId);
  return {.number = session.request_number,
          .http_request_id = IsSaneRequestId(id) ? id : std::string_view(),
          .phase = LivePhase::kReading,
          .began = session.request_began(),
          .phase_began = session.request_began(),
          .path = session.In(session.head().path),
          .client_address = session.peer(),
          .request_bytes = session.body_received()};
}

LiveFilter::Place PlaceOf(const LiveView& view) { return {view.began, view.number}; }

}  // namespace

template <typename Visit>
void ShardGateway::ForEachLive(const LiveFilter& filter, Visit visit) {
  sessions_.ForEach([&](http::Session& session) {
    if (!session.reading_body()) return;
    if (const LiveView view = Reading(session); filter.Takes(view)) visit(view);
  });
  for (const std::unique_ptr<Transaction>& transaction : all_transactions_) {
    if (!transaction->live()) continue;
    if (const LiveView view = transaction->View(); filter.Takes(view)) visit(view);
  }
}

void ShardGateway::ListLive(const LiveFilter& filter, size_t limit, std::vector<LiveRequest>* out) {
  std::vector<LiveView> found;
  ForEachLive(filter, [&](const LiveView& view) { found.push_back(view); });
  const size_t count = std::min(limit, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<ptrdiff_t>(count), found.end(),
                    [](const LiveView& a, const LiveView& b) { return PlaceOf(a) < PlaceOf(b); });
  for (size_t i = 0; i < count; ++i) out->push_back(Copy(found[i]));
}

std::vector<LiveRequest> ShardGateway::Abort(const LiveFilter& filter) {
  // Found first, then cut: with one request's end its connection may begin the next one.
  std::vector<LiveRequest> aborted;
  ListLive(filter, ~size_t{0}, &aborted);
  absl::flat_hash_set<uint64_t> numbers;
  for (const LiveRequest& request : aborted) numbers.insert(request.number);
  std::vector<Transaction*> running;
  for (const std::unique_ptr<Transaction>& transaction : all_transactions_) {
    if (transaction->live() && numbers.contains(transaction->number())) {
      running.push_back(transaction.get());
    }
  }
  sessions_.ForEach([&](http::Session& session) {
    if (!session.reading_body() || !numbers.contains(session.request_number)) return;
    session.StopReading();
    const openai::RequestError& error = openai::errors::kRequestAborted;
    const std::string body = openai::ErrorBody(error, error.message);
    AnswerAndLog(
        session,
        {.status = error.status, .body = body, .request_id = RequestId(session, &id_memory_)},
        stats::Cause::kAdminAborted);
  });
  for (Transaction* transaction : running) {
    // A transaction that ends serves nobody else before this turn is over, so it is still the same.
    if (transaction->live()) transaction->Abort();
  }
  return aborted;
}

std::optional<RequestTrace> ShardGateway::FindRequest(std::string_view http_request_id) const {
  for (const std::unique_ptr<Transaction>& transaction : all_transactions_) {
    if (transaction->live() && transaction->request_id() == http_request_id) {
      RequestTrace trace;
      transaction->Trace(&trace);
      trace.running = true;
      return trace;
    }
  }
  const RequestTrace* ended = ended_.Find(http_request_id);
  return ended == nullptr ? std::nullopt : std::optional(*ended);
}

}  // namespace vllm_router::gateway
