#include "server/callbacks/trial.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/clock.h"
#include "server/base/status.h"
#include "server/base/strings.h"
#include "server/callbacks/address_policy.h"
#include "server/callbacks/answer_rules.h"
#include "server/callbacks/registration.h"
#include "server/callbacks/service_path.h"
#include "server/callbacks/trial_request.h"
#include "server/config/callback_target.h"
#include "server/net/tls.h"
#include "server/rpc/client.h"

namespace vllm_router::callbacks {
namespace {

constexpr size_t kMostMessageBytes = 1024;
// Of each body in the answer that is shown: the caller is a person or a small program.
constexpr size_t kMostShownBodyBytes = 64u << 10;

bool IsMultipart(const v1::RequestFacts& facts) {
  constexpr std::string_view kMultipart = "multipart/";
  return std::any_of(facts.headers().begin(), facts.headers().end(), [&](const v1::Header& header) {
    return base::EqualsIgnoreCase(header.name(), "content-type") &&
           base::EqualsIgnoreCase(std::string_view(header.value()).substr(0, kMultipart.size()),
                                  kMultipart);
  });
}

v1::PreRequestResponse Shown(v1::PreRequestResponse answer) {
  std::string* body = nullptr;
  if (answer.has_answer()) body = answer.mutable_answer()->mutable_body();
  if (answer.has_proceed() && answer.proceed().has_body()) {
    body = answer.mutable_proceed()->mutable_body();
  }
  if (body != nullptr && body->size() > kMostShownBodyBytes) body->resize(kMostShownBodyBytes);
  return answer;
}

// Lives until the call has ended: each step holds a reference. All steps but the lookup's end run
// on the loop's thread, and so does its own.
class Trial : public std::enable_shared_from_this<Trial> {
 public:
  Trial(net::EventLoop& loop, const v1::Callback& callback, const v1::TestCallbackRequest& request,
        const TrialOptions& options, std::function<void(v1::TestCallbackResponse)> done)
      : loop_(loop),
        callback_(callback),
        registration_(callback),
        hook_(request.hook_point() == v1::HOOK_POINT_UNSPECIFIED ? v1::HOOK_POINT_PRE_REQUEST
                                                                 : request.hook_point()),
        facts_(request.has_request() ? request.request()
                                     : MadeUpFacts(callback, base::Clock::Real().WallNow())),
        options_(options),
        done_(std::move(done)) {}

  void Start() {
    started_ = base::Clock::Real().Now();
    if (absl::Status status = Prepare(); !status.ok()) return Fail(status);
    if (!target_.unix_path.empty()) return Call({*net::MakeUnixAddress(target_.unix_path)});
    LookUp(target_.host, target_.port, Remaining(), options_.resolve,
           [self = shared_from_this()](Addresses found) mutable {
             net::EventLoop& loop = self->loop_;
             loop.Post(
                 [self = std::move(self), found = std::move(found)] { self->OnAddresses(found); });
           });
  }

 private:
  // The call itself; keeps the trial until it has ended.
  class ServiceCall final : public rpc::Call {
   public:
    std::shared_ptr<Trial> trial;

   private:
    void OnEnd(const absl::Status& status, std::string_view message) override {
      const std::shared_ptr<Trial> kept = std::move(trial);
      kept->OnAnswer(status, message);
      // Not with this call, and the client that it came through, on the stack.
      kept->loop_.Defer([kept] {});
    }
  };

  absl::Status Prepare() {
    if (!v1::HookPoint_IsValid(hook_)) {
      return absl::InvalidArgumentError(absl::StrFormat("hook_point: %d is no hook", hook_));
    }
    ROUTER_ASSIGN_OR_RETURN(target_, config::ParseCallbackTarget(callback_.target()));
    if (callback_.has_tls()) {
      ROUTER_ASSIGN_OR_RETURN(tls_,
                              net::MakeClientTls(net::ClientTlsFiles{
                                  .ca = callback_.tls().ca_file(),
                                  .certificate = callback_.tls().cert_file(),
                                  .key = callback_.tls().key_file(),
                                  .insecure_skip_verify = callback_.tls().insecure_skip_verify(),
                                  .http2 = true}));
    }
    if (hook_ == v1::HOOK_POINT_PRE_REQUEST) {
      ROUTER_ASSIGN_OR_RETURN(pre_request_, PreRequestFor(facts_, registration_));
    } else {
      ROUTER_ASSIGN_OR_RETURN(post_request_, PostRequestFor(facts_, registration_));
    }
    return absl::OkStatus();
  }

  void OnAddresses(const Addresses& found) {
    if (!found.ok()) return Fail(found.status());
    const Addresses allowed = AllowedOf(target_.host, *found, options_.allowed_networks);
    if (!allowed.ok()) return Fail(allowed.status());
    Call(*allowed);
  }

  void Call(const std::vector<net::Address>& addresses) {
    const std::string& name = callback_.tls().server_name();
    client_ = std::make_unique<rpc::Client>(
        loop_, rpc::Target{.authority = AuthorityOf(target_),
                           .tls = tls_,
                           .server_name = name.empty() ? target_.host : name,
                           .addresses = [addresses] { return addresses; }});
    const bool pre = hook_ == v1::HOOK_POINT_PRE_REQUEST;
    call_.trial = shared_from_this();
    const absl::Status started = client_->Start(
        call_,
        {.path = pre ? kPreRequestPath : kPostRequestPath,
         .message = pre ? pre_request_.SerializeAsString() : post_request_.SerializeAsString(),
         .deadline = std::max(Remaining(), base::Duration(1)),
         .max_answer_bytes = pre ? registration_.max_answer_bytes : kMaxPostAnswerBytes});
    if (started.ok()) return;
    const std::shared_ptr<Trial> kept = std::move(call_.trial);
    Fail(started);
  }

  void OnAnswer(const absl::Status& status, std::string_view message) {
    if (!status.ok()) return Fail(status);
    v1::PreRequestResponse answer;
    v1::PostRequestResponse nothing;
    const bool pre = hook_ == v1::HOOK_POINT_PRE_REQUEST;
    google::protobuf::Message* const expected =
        pre ? static_cast<google::protobuf::Message*>(&answer) : &nothing;
    if (!expected->ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      return Fail(absl::InternalError("the service's answer is no message of this API"));
    }
    if (!pre) return Succeed({});
    const std::optional<std::string> broken =
        BrokenRule(answer, registration_,
                   {.whole_body = IsWholeBody(pre_request_.request().body()),
                    .multipart = IsMultipart(facts_),
                    .max_body_bytes = options_.max_request_body_bytes});
    v1::TestCallbackResponse response;
    *response.mutable_pre_request_response() = Shown(std::move(answer));
    if (!broken) return Succeed(std::move(response));
    response.set_message(*broken);
    End(std::move(response));
  }

  void Succeed(v1::TestCallbackResponse response) {
    response.set_ok(true);
    if (!registration_.Calls(hook_)) {
      response.set_message("the registration does not list this hook in hook_points");
    }
    End(std::move(response));
  }

  // The call, or what had to come before it.
  void Fail(const absl::Status& why) {
    v1::TestCallbackResponse response;
    response.set_grpc_code(why.raw_code());
    response.set_message(why.message().empty()
                             ? "the service says nothing about what failed"
                             : base::Printable(base::StdView(why.message()), kMostMessageBytes));
    End(std::move(response));
  }

  void End(v1::TestCallbackResponse response) {
    const int64_t taken = (base::Clock::Real().Now() - started_).count();
    response.mutable_latency()->set_seconds(taken / 1'000'000'000);
    response.mutable_latency()->set_nanos(static_cast<int32_t>(taken % 1'000'000'000));
    done_(std::move(response));
  }

  base::Duration Remaining() const {
    const base::Duration deadline = hook_ == v1::HOOK_POINT_PRE_REQUEST
                                        ? registration_.pre_deadline
                                        : registration_.post_deadline;
    return started_ + deadline - base::Clock::Real().Now();
  }

  net::EventLoop& loop_;
  const v1::Callback callback_;
  const Registration registration_;
  const v1::HookPoint hook_;
  const v1::RequestFacts facts_;
  const TrialOptions options_;
  const std::function<void(v1::TestCallbackResponse)> done_;

  base::TimePoint started_;
  config::CallbackTarget target_;
  net::TlsContext tls_;
  // Of the two hooks, one is called.
  v1::PreRequestRequest pre_request_;
  v1::PostRequestRequest post_request_;
  std::unique_ptr<rpc::Client> client_;
  ServiceCall call_;
};

}  // namespace

TrialOptions TrialOptionsOf(const v1::Limits& limits) {
  TrialOptions options;
  for (const std::string& text : limits.allowed_networks()) {
    // What cannot be parsed was refused when it was configured.
    if (const auto network = net::Network::Parse(text)) {
      options.allowed_networks.push_back(*network);
    }
  }
  if (limits.has_max_request_body_bytes()) {
    options.max_request_body_bytes = limits.max_request_body_bytes();
  }
  return options;
}

void Try(net::EventLoop& loop, const v1::Callback& callback, const v1::TestCallbackRequest& request,
         const TrialOptions& options, std::function<void(v1::TestCallbackResponse)> done) {
  auto trial = std::make_shared<Trial>(loop, callback, request, options, std::move(done));
  loop.Post([trial = std::move(trial)] { trial->Start(); });
}

}  // namespace vllm_router::callbacks
