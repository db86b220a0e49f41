// Calls as commands make them. Included by the commands only: it brings the whole admin API.
#ifndef TOOLS_ROUTERCTL_CALLS_H_
#define TOOLS_ROUTERCTL_CALLS_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/status.h"
#include "tools/routerctl/change.h"
#include "tools/routerctl/invocation.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl {

template <typename Request, typename Response>
using Method = absl::StatusOr<Response> (Client::*)(const Request&, const CallOptions&) const;

template <typename Request, typename Response>
absl::StatusOr<Response> Call(Invocation& in, Method<Request, Response> method,
                              const Request& request) {
  ROUTER_ASSIGN_OR_RETURN(const Client* client, in.client());
  return (client->*method)(request, CallOptions());
}

// A changing call and what it says about the change.
template <typename Request, typename Response>
absl::Status Change(Invocation& in, Method<Request, Response> method, Request* request) {
  FillChange(in, request);
  ROUTER_ASSIGN_OR_RETURN(const Response response, Call(in, method, *request));
  return ShowChange(in, response);
}

// All pages of a list, up to `most` entries of `list` when it is not 0.
template <typename Request, typename Response>
absl::StatusOr<Response> AllPages(Invocation& in, Method<Request, Response> method, Request request,
                                  uint64_t most = 0) {
  constexpr uint64_t kPage = 1000;
  Response all;
  uint64_t asked = 0;
  do {
    const uint64_t page = most == 0 ? kPage : std::min(kPage, most - asked);
    request.set_page_size(static_cast<int32_t>(page));
    asked += page;
    ROUTER_ASSIGN_OR_RETURN(const Response part, Call(in, method, request));
    all.MergeFrom(part);
    request.set_page_token(part.next_page_token());
    all.clear_next_page_token();
  } while (!request.page_token().empty() && (most == 0 || asked < most));
  return all;
}

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_CALLS_H_
