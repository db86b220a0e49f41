// The callbacks of one request: asks those of PreRequest one after the other, and tells those of
// PostRequest how it ended. Made when the request begins, with the chain of its snapshot, and
// destroyed with it, which cancels a call that runs. Belongs to the shard's thread.
#ifndef SERVER_CALLBACKS_REQUEST_HOOKS_H_
#define SERVER_CALLBACKS_REQUEST_HOOKS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/callbacks/caller.h"
#include "server/callbacks/chain.h"
#include "server/callbacks/hooks.h"
#include "server/callbacks/memory.h"
#include "server/rpc/call.h"

namespace vllm_router::v1 {
class PostRequestRequest;
class PreRequestResponse;
}  // namespace vllm_router::v1

namespace vllm_router::callbacks {

class RequestHooks final : private rpc::Call {
 public:
  class Handler {
   public:
    // What the callback that Next has called says. May call Next, and may destroy the hooks.
    virtual void OnVerdict(Verdict verdict) = 0;

   protected:
    ~Handler() = default;
  };

  RequestHooks(Caller& caller, ChainPtr chain, Handler* handler);
  ~RequestHooks() override;

  // --- PreRequest ---
  enum class Step : uint8_t {
    kDone,     // there is no further callback: the request goes on
    kRunning,  // OnVerdict follows
    kVerdict,  // `verdict` is set
  };
  // Asks the next callback that wants the request, as it is now. While it runs, the body of
  // `request` has to stay where it is.
  Step Next(const RequestView& request, Verdict* verdict);
  // What the last one wanted cannot be done: that is a failure of it. What the request does now.
  Verdict Reject(std::string_view why);
  bool asking() const { return running(); }

  // --- PostRequest ---
  bool wants_end() const { return chain_->post(); }
  // Keeps what PostRequest will need of the request as it is now, in place of what was kept before.
  // The model has to be resolved as far as it can be.
  void Keep(const RequestView& request);
  // Payload of the answer on its way to the client.
  void OnAnswer(absl::Span<const std::string_view> payload);
  // Once, when the request is over.
  void End(const EndView& end);

 private:
  // A PostRequest call to be.
  struct Draft {
    const Link* link;
    std::unique_ptr<v1::PostRequestRequest> message;
  };

  void OnEnd(const absl::Status& status, std::string_view message) override;
  // nullopt: it has been started.
  std::optional<Verdict> Ask(const Link& link, const RequestView& request);
  Verdict Judge(const Link& link, std::string_view message);
  // By the failure mode of the callback.
  Verdict AfterFailure(const Link& link, const absl::Status& why);
  uint64_t MostOfAnswer() const;

  Caller& caller_;
  const ChainPtr chain_;
  Handler* const handler_;
  std::string request_id_;  // for the log

  size_t next_ = 0;  // in the chain
  const Link* asked_ = nullptr;
  bool whole_body_ = false;  // of the call that runs: see AnsweredRequest
  bool multipart_ = false;
  base::TimePoint budget_ends_ = base::TimePoint::max();  // from the first call on

  std::vector<Draft> drafts_;
  Reservation kept_;
  uint64_t most_of_answer_ = 0;  // bytes to keep
  std::string answer_;
  uint64_t answer_bytes_ = 0;
  bool cut_ = false;  // something was not kept for want of memory
};

}  // namespace vllm_router::callbacks

#endif  // SERVER_CALLBACKS_REQUEST_HOOKS_H_
