#include "server/callbacks/caller.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/log.h"
#include "server/base/strings.h"
#include "server/callbacks/service_path.h"

namespace vllm_router::callbacks {
namespace {

constexpr size_t kMaxFailureBytes = 512;

const char* NameOf(Hook hook) { return hook == Hook::kPre ? "PreRequest" : "PostRequest"; }

std::string TextOf(const absl::Status& status) {
  if (status.message().empty()) return std::string(absl::StatusCodeToString(status.code()));
  return base::Printable(base::StdView(status.message()), kMaxFailureBytes);
}

}  // namespace

class Caller::PostCall final : public rpc::Call {
 public:
  PostCall(Caller& caller, ChainPtr chain, const Link& link, Reservation kept, size_t place)
      : place(place),
        caller_(caller),
        chain_(std::move(chain)),
        link_(link),
        kept_(std::move(kept)) {}
  ~PostCall() override {
    if (running()) caller_.Abandoned(link_);
  }

  size_t place;  // in posts_

 private:
  void OnEnd(const absl::Status& status, std::string_view) override {
    caller_.cells(link_).post_latency.Record(Took(base::Clock::Real().Now()));
    caller_.Ended(link_, Hook::kPost, status);
    caller_.Remove(this);
  }

  Caller& caller_;
  const ChainPtr chain_;  // holds link_
  const Link& link_;
  const Reservation kept_;
};

Caller::Caller(net::EventLoop& loop, size_t shard, Memory& memory)
    : loop_(loop), shard_(shard), memory_(memory) {}

Caller::~Caller() = default;

rpc::Client& Caller::ClientOf(const std::shared_ptr<Endpoint>& endpoint) {
  Slot& slot = clients_[endpoint.get()];
  if (slot.client == nullptr) {
    slot.endpoint = endpoint;
    slot.client = std::make_unique<rpc::Client>(
        loop_, rpc::Target{.authority = endpoint->authority(),
                           .tls = endpoint->tls(),
                           .server_name = endpoint->server_name(),
                           .addresses = [endpoint] { return endpoint->addresses(); }});
    // A request of a former chain may be the first to call it here.
    const auto& links =
        chain_ == nullptr ? std::vector<std::shared_ptr<const Link>>{} : chain_->links();
    slot.wanted = std::any_of(links.begin(), links.end(),
                              [&](const auto& link) { return link->endpoint == endpoint; });
    any_unwanted_ |= !slot.wanted;
  }
  return *slot.client;
}

void Caller::Follow(ChainPtr chain) {
  if (chain == chain_) return;
  chain_ = std::move(chain);
  for (auto& [endpoint, slot] : clients_) slot.wanted = false;
  if (chain_ != nullptr) {
    for (const auto& link : chain_->links()) {
      const auto found = clients_.find(link->endpoint.get());
      if (found != clients_.end()) found->second.wanted = true;
    }
  }
  any_unwanted_ = std::any_of(clients_.begin(), clients_.end(),
                              [](const auto& entry) { return !entry.second.wanted; });
  Sweep();
}

void Caller::Sweep() {
  if (!any_unwanted_) return;
  // The call that has just ended is on the stack of its client.
  loop_.Defer([this] {
    absl::erase_if(clients_, [](const auto& entry) {
      return !entry.second.wanted && entry.second.client->idle();
    });
    any_unwanted_ = std::any_of(clients_.begin(), clients_.end(),
                                [](const auto& entry) { return !entry.second.wanted; });
  });
}

absl::Status Caller::Admit(const Link& link, Hook hook) {
  if (!link.endpoint->breaker(hook).Admit(loop_.now(), link.rules.breaker)) {
    cells(link).rejected_by_breaker.Add();
    return absl::UnavailableError("it is not called for a while after failures in a row");
  }
  if (!link.service->Enter(link.rules.max_in_flight)) {
    cells(link).rejected_by_in_flight.Add();
    return absl::ResourceExhaustedError("too many calls of it run already");
  }
  return absl::OkStatus();
}

absl::Status Caller::Start(const Link& link, rpc::Call& call, rpc::CallRequest request) {
  return ClientOf(link.endpoint).Start(call, std::move(request));
}

void Caller::Abandoned(const Link& link) {
  link.service->Leave();
  Sweep();
}

void Caller::Ended(const Link& link, Hook hook, const absl::Status& outcome) {
  link.service->Leave();
  Sweep();
  if (!outcome.ok()) return Failed(link, hook, outcome);
  if (link.endpoint->breaker(hook).OnSuccess()) {
    ROUTER_LOG(kInfo, "%s answers %s again and is called again", link.rules.name, NameOf(hook));
  }
}

void Caller::Failed(const Link& link, Hook hook, const absl::Status& why) {
  if (why.code() == absl::StatusCode::kDeadlineExceeded) {
    cells(link).timeouts.Add();
  } else {
    cells(link).failures.Add();
  }
  const std::string text = TextOf(why);
  link.service->SetLastFailure(text, loop_.wall_now());
  if (link.endpoint->breaker(hook).OnFailure(loop_.now(), link.rules.breaker)) {
    ROUTER_LOG(kWarning, "%s: no %s is called for %g s after %d failures in a row; the last: %s",
               link.rules.name, NameOf(hook),
               std::chrono::duration<double>(link.rules.breaker.open).count(),
               link.rules.breaker.failures, text);
  }
}

void Caller::Post(ChainPtr chain, const Link& link, std::string message, Reservation kept) {
  if (!Admit(link, Hook::kPost).ok()) return;
  cells(link).post_calls.Add();
  posts_.push_back(
      std::make_unique<PostCall>(*this, std::move(chain), link, std::move(kept), posts_.size()));
  PostCall* call = posts_.back().get();
  const absl::Status started = Start(link, *call,
                                     {.path = kPostRequestPath,
                                      .message = std::move(message),
                                      .deadline = link.rules.post_deadline,
                                      .max_answer_bytes = kMaxPostAnswerBytes});
  if (started.ok()) return;
  Ended(link, Hook::kPost, started);
  Remove(call);
}

void Caller::Remove(PostCall* call) {
  const size_t place = call->place;
  std::swap(posts_[place], posts_.back());
  posts_[place]->place = place;
  posts_.pop_back();
}

}  // namespace vllm_router::callbacks
