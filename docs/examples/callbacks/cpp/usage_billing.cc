/* Adds up who has used how many tokens of which model, and prints a line for each request.

       usage_billing ADDRESS

       usage_billing unix:/run/vllm-router/billing.sock >> usage.log

       routerctl callbacks register billing unix:/run/vllm-router/billing.sock \
           --hook post-request --forward-header x-tenant --post-deadline 30s

   A line has the request, who sent it, its model and tokens, and all tokens of that tenant and
   model since the start of the service. The tenant is what api_key_check makes of a key: where
   clients can name any, a client can make the table as large as it likes.

   Streamed answers report their tokens where the client asks for it (`stream_options`:
   `{"include_usage": true}`); for others the router has counted events. A request that was aborted
   has cost what it had generated until then.
*/
#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "callback_messages.h"
#include "serve.h"
#include "vllm_router/callback_server.h"

namespace {

namespace v1 = vllm_router::v1;

class UsageBilling final : public vllm_router::CallbackService {
 public:
  absl::StatusOr<v1::PostRequestResponse> PostRequest(const v1::PostRequestRequest& call) override {
    if (call.attempts() == 0) return v1::PostRequestResponse();  // no engine has worked for it
    const std::string tenant = HeaderOf(call.request(), "x-tenant");
    const std::string& model = call.request().resolved_model();
    Usage& total = usage_[{tenant, model}];
    ++total.requests;
    total.input += call.tokens().input();
    total.output += call.tokens().output();
    // Names come from clients: quoted, so that none can look like more than one.
    std::cout << absl::StrCat(
                     "request=\"", absl::CHexEscape(call.request().http_request_id()),
                     "\" tenant=\"", absl::CHexEscape(tenant), "\" model=\"",
                     absl::CHexEscape(model), "\" cause=", v1::RequestCause_Name(call.cause()),
                     " input=", call.tokens().input(), " cached=", call.tokens().cached_input(),
                     " output=", call.tokens().output(), " requests=", total.requests,
                     " total_input=", total.input, " total_output=", total.output)
              << std::endl;
    return v1::PostRequestResponse();
  }

 private:
  struct Usage {
    uint64_t requests = 0;
    uint64_t input = 0;
    uint64_t output = 0;
  };
  std::map<std::pair<std::string, std::string>, Usage> usage_;  // by tenant and model
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: usage_billing ADDRESS\n";
    return 2;
  }
  UsageBilling billing;
  return Serve(argv[1], &billing);
}
