#include "server/callbacks/request_hooks.h"

#include <algorithm>
#include <utility>

#include "proto/callback.pb.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/callbacks/answer_rules.h"
#include "server/callbacks/facts.h"
#include "server/callbacks/service_path.h"

namespace vllm_router::callbacks {
namespace {

// An answer is kept in steps of so much, so that a stream does not take from the common memory for
// each token.
constexpr uint64_t kKeepStep = 16u << 10;

}  // namespace

RequestHooks::RequestHooks(Caller& caller, ChainPtr chain, Handler* handler)
    : caller_(caller), chain_(std::move(chain)), handler_(handler), kept_(caller.memory()) {}

RequestHooks::~RequestHooks() {
  if (running()) caller_.Abandoned(*asked_);
}

RequestHooks::Step RequestHooks::Next(const RequestView& request, Verdict* verdict) {
  if (next_ == 0) request_id_.assign(request.http_request_id);
  while (next_ < chain_->links().size()) {
    const Link& link = *chain_->links()[next_++];
    if (!link.rules.pre || !link.rules.Wants(request.resolved_model)) continue;
    std::optional<Verdict> now = Ask(link, request);
    if (!now) return Step::kRunning;
    if (now->kind == Verdict::Kind::kProceed) continue;
    *verdict = *std::move(now);
    return Step::kVerdict;
  }
  return Step::kDone;
}

std::optional<Verdict> RequestHooks::Ask(const Link& link, const RequestView& request) {
  switch (link.rules.request_body.Judge(request.body.size())) {
    case BodyVerdict::kSend:
      break;
    case BodyVerdict::kSkip:
      caller_.cells(link).over_limit.Add();
      return Verdict{};
    case BodyVerdict::kDeny:
      caller_.cells(link).over_limit.Add();
      return Verdict{.kind = Verdict::Kind::kTooLarge};
  }
  const base::TimePoint now = caller_.loop().now();
  if (budget_ends_ == base::TimePoint::max()) budget_ends_ = now + chain_->budget();
  const base::Duration deadline = std::min(link.rules.pre_deadline, budget_ends_ - now);
  if (deadline.count() <= 0) {
    const absl::Status why = absl::DeadlineExceededError(
        "the time that all callbacks of a request have together was used up before its turn");
    caller_.Failed(link, Hook::kPre, why);
    return AfterFailure(link, why);
  }
  if (const absl::Status refused = caller_.Admit(link, Hook::kPre); !refused.ok()) {
    return AfterFailure(link, refused);
  }
  v1::RequestFacts facts;
  FillFacts(request, link.rules.headers, &facts);
  v1::BodyContent body;
  link.rules.request_body.Describe(request.body.size(), &body);
  const size_t bytes = link.rules.request_body.BytesToSend(request.body.size());
  SplitMessage message = SplitAroundBody(link.rules.name, facts, body, bytes);
  whole_body_ = IsWholeBody(body);
  multipart_ = request.multipart;
  caller_.cells(link).pre_calls.Add();
  asked_ = &link;
  const absl::Status started = caller_.Start(link, *this,
                                             {.path = kPreRequestPath,
                                              .message = std::move(message.before),
                                              .body = request.body.substr(0, bytes),
                                              .tail = std::move(message.behind),
                                              .deadline = deadline,
                                              .max_answer_bytes = link.rules.max_answer_bytes});
  if (started.ok()) return std::nullopt;
  caller_.Ended(link, Hook::kPre, started);
  return AfterFailure(link, started);
}

void RequestHooks::OnEnd(const absl::Status& status, std::string_view message) {
  const Link& link = *asked_;
  caller_.cells(link).pre_latency.Record(Took(base::Clock::Real().Now()));
  Verdict verdict;
  if (status.ok()) {
    verdict = Judge(link, message);
  } else {
    caller_.Ended(link, Hook::kPre, status);
    verdict = AfterFailure(link, status);
  }
  handler_->OnVerdict(std::move(verdict));
}

Verdict RequestHooks::Judge(const Link& link, std::string_view message) {
  v1::PreRequestResponse answer;
  absl::Status outcome;
  if (!answer.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    outcome = absl::InternalError("the service's answer is no message of this API");
  } else if (const auto broken = BrokenRule(answer, link.rules,
                                            {.whole_body = whole_body_,
                                             .multipart = multipart_,
                                             .max_body_bytes = chain_->max_request_body_bytes()})) {
    outcome = absl::InvalidArgumentError(*broken);
  }
  caller_.Ended(link, Hook::kPre, outcome);
  if (!outcome.ok()) return AfterFailure(link, outcome);
  if (answer.has_answer()) caller_.cells(link).pre_answers.Add();
  return ToVerdict(std::move(answer));
}

Verdict RequestHooks::Reject(std::string_view why) {
  const absl::Status failure = absl::InvalidArgumentError(base::AbslView(why));
  caller_.Failed(*asked_, Hook::kPre, failure);
  return AfterFailure(*asked_, failure);
}

Verdict RequestHooks::AfterFailure(const Link& link, const absl::Status& why) {
  ROUTER_LOG_LIMITED(kWarning, "Request %s: %s failed: %s; the request %s", request_id_,
                     link.rules.name, base::Printable(base::StdView(why.message()), 256),
                     link.rules.fail_closed ? "is refused" : "goes on");
  return {.kind = link.rules.fail_closed ? Verdict::Kind::kFailed : Verdict::Kind::kProceed};
}

uint64_t RequestHooks::MostOfAnswer() const {
  uint64_t most = 0;
  for (const Draft& draft : drafts_) {
    const BodyRule& rule = draft.link->rules.response_body;
    if (rule.mode != v1::BODY_MODE_NONE) most = std::max(most, rule.max_bytes);
  }
  return most;
}

void RequestHooks::Keep(const RequestView& request) {
  drafts_.clear();
  kept_.Release();
  for (const auto& link : chain_->links()) {
    if (!link->rules.post || !link->rules.Wants(request.resolved_model)) continue;
    auto message = std::make_unique<v1::PostRequestRequest>();
    message->set_callback(link->rules.name);
    FillFacts(request, link->rules.headers, message->mutable_request());
    const BodyRule& rule = link->rules.request_body;
    v1::BodyContent& body = *message->mutable_request()->mutable_body();
    if (kept_.Grow(rule.BytesToSend(request.body_bytes), chain_->memory_bytes())) {
      rule.Fill(request.body, request.body_bytes, &body);
    } else {
      cut_ = true;
      body.set_mode(rule.mode);
      body.set_total_bytes(request.body_bytes);
      body.set_truncated(true);
    }
    drafts_.push_back({link.get(), std::move(message)});
  }
  most_of_answer_ = MostOfAnswer();
}

void RequestHooks::OnAnswer(absl::Span<const std::string_view> payload) {
  for (const std::string_view piece : payload) {
    answer_bytes_ += piece.size();
    if (answer_.size() >= most_of_answer_) continue;
    const uint64_t bytes = std::min<uint64_t>(piece.size(), most_of_answer_ - answer_.size());
    if (answer_.size() + bytes > answer_.capacity()) {
      // As a string grows, so that the reservation is what it really holds.
      const uint64_t wanted = std::min(
          most_of_answer_, std::max(2 * answer_.capacity(), answer_.size() + bytes + kKeepStep));
      if (!kept_.Grow(wanted - answer_.capacity(), chain_->memory_bytes())) {
        cut_ = true;
        most_of_answer_ = 0;
        continue;
      }
      answer_.reserve(wanted);
    }
    answer_.append(piece.substr(0, bytes));
  }
}

void RequestHooks::End(const EndView& end) {
  for (Draft& draft : drafts_) {
    const Link& link = *draft.link;
    if (!link.rules.Wants(end.resolved_model)) continue;
    v1::PostRequestRequest& message = *draft.message;
    const BodyRule& rule = link.rules.response_body;
    const BodyRule& asked = link.rules.request_body;
    if (rule.Judge(answer_bytes_) != BodyVerdict::kSend ||
        asked.Judge(message.request().body().total_bytes()) == BodyVerdict::kSkip) {
      caller_.cells(link).over_limit.Add();
      continue;
    }
    FillEnd(end, link.rules.headers, &message);
    rule.Fill(answer_, answer_bytes_, message.mutable_response_body());
    // From here on the message is what is kept.
    Reservation in_call(caller_.memory());
    bool cut = cut_;
    if (!in_call.Grow(message.ByteSizeLong(), chain_->memory_bytes())) {
      cut = true;
      for (v1::BodyContent* body :
           {message.mutable_request()->mutable_body(), message.mutable_response_body()}) {
        body->set_truncated(body->mode() != v1::BODY_MODE_NONE && body->total_bytes() > 0);
        body->clear_data();
      }
    }
    if (cut) caller_.cells(link).bodies_cut.Add();
    caller_.Post(chain_, link, message.SerializeAsString(), std::move(in_call));
  }
  drafts_.clear();
  kept_.Release();
}

}  // namespace vllm_router::callbacks
