#include "server/rpc/call.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "server/rpc/client.h"
#include "server/rpc/connection.h"
#include "server/rpc/wire.h"

namespace vllm_router::rpc {

void Call::Reset(CallRequest request, base::TimePoint now) {
  request_ = std::move(request);
  started_ = now;
  stream_ = 0;
  sent_ = 0;
  refused_ = false;
  answer_.clear();
  http_status_ = 0;
  is_grpc_ = false;
  grpc_status_ = -1;
  grpc_message_.clear();
  end_ = absl::OkStatus();
}

void Call::Cancel() {
  Timer::Cancel();
  switch (std::exchange(where_, Where::kNowhere)) {
    case Where::kNowhere:
      break;
    case Where::kWaiting:
      client_->Forget(*this);
      break;
    case Where::kOnStream:
      connection_->Abandon(*this);
      break;
    case Where::kEnded:
      connection_->ForgetEnded(*this);
      break;
  }
}

void Call::Deliver() {
  Timer::Cancel();
  where_ = Where::kNowhere;
  const absl::Status end = end_;
  const std::string answer = std::move(answer_);
  answer_.clear();
  OnEnd(end, end.ok() ? std::string_view(answer).substr(kPrefixBytes) : std::string_view());
}

void Call::OnTimer() {
  const bool waiting = where_ == Where::kWaiting;
  if (where_ == Where::kOnStream) connection_->OnSilence(started_);
  Cancel();
  const double ms = std::chrono::duration<double, std::milli>(request_.deadline).count();
  OnEnd(absl::DeadlineExceededError(absl::StrFormat(
            "%s within %g ms", waiting ? "no connection came about" : "the service did not answer",
            ms)),
        {});
}

}  // namespace vllm_router::rpc
