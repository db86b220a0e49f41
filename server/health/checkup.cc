#include "server/health/checkup.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "server/health/engine_answers.h"
#include "server/health/http_probe.h"
#include "server/health/probe_request.h"

namespace vllm_router::health {
namespace {

namespace asio = boost::asio;

// Keeps itself alive through the questions that it has asked.
class Running : public std::enable_shared_from_this<Running> {
 public:
  Running(asio::io_context& io, Checkup checkup, std::function<void(const CheckupOutcome&)> done)
      : io_(io), checkup_(std::move(checkup)), done_(std::move(done)) {
    if (checkup_.target.tls) checkup_.tls = checkup_.target.tls;
  }

  void Start() {
    const absl::StatusOr<std::string> request = RenderProbe(checkup_.target);
    if (!request.ok()) {
      EndWith(std::string(request.status().message()));
    } else if (checkup_.addresses.empty()) {
      EndWith("its name does not resolve");
    } else if (checkup_.target.url.https && !checkup_.tls) {
      EndWith("TLS towards backends is not set up");
    } else {
      Ask(*request, &Running::OnAnswer);
    }
  }

 private:
  using Next = void (Running::*)(const ProbeOutcome&);

  void EndWith(std::string detail) {
    outcome_.detail = std::move(detail);
    asio::post(io_, [self = shared_from_this()] { self->done_(self->outcome_); });
  }

  void Ask(std::string request, Next next) {
    const Target& target = checkup_.target;
    StartProbe(io_,
               {.addresses = checkup_.addresses,
                .tls = target.url.https ? checkup_.tls : net::TlsContext(),
                .host = target.tls_server_name.empty() ? target.url.host : target.tls_server_name,
                .request = std::move(request),
                .timeout = checkup_.timeout},
               [self = shared_from_this(), next](const ProbeOutcome& outcome) {
                 (self.get()->*next)(outcome);
               });
  }

  void OnAnswer(const ProbeOutcome& answer) {
    outcome_ = {.healthy = answer.healthy,
                .http_status = answer.http_status,
                .detail = answer.detail,
                .latency = answer.latency};
    if (answer.healthy || !answer.connected) {
      AskForModels();
    } else {
      Ask(RenderGet(checkup_.target, "/is_sleeping"), &Running::OnSleepState);
    }
  }

  void OnSleepState(const ProbeOutcome& answer) {
    outcome_.sleeping = answer.healthy && SaysItSleeps(answer.body);
    AskForModels();
  }

  void AskForModels() {
    if (!checkup_.list_models || outcome_.http_status == 0) {
      done_(outcome_);
      return;
    }
    Ask(RenderGet(checkup_.target, "/v1/models"), &Running::OnModels);
  }

  void OnModels(const ProbeOutcome& answer) {
    if (answer.healthy) outcome_.models = ListedModels(answer.body);
    done_(outcome_);
  }

  asio::io_context& io_;
  Checkup checkup_;
  const std::function<void(const CheckupOutcome&)> done_;
  CheckupOutcome outcome_;
};

}  // namespace

void StartCheckup(asio::io_context& io, Checkup checkup,
                  std::function<void(const CheckupOutcome&)> done) {
  std::make_shared<Running>(io, std::move(checkup), std::move(done))->Start();
}

}  // namespace vllm_router::health
