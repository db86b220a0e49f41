// Requests in flight, and the statistics of all requests.
#include <utility>

#include "absl/strings/str_format.h"
#include "server/admin/pages.h"
#include "server/admin/service.h"
#include "server/admin/stats_sampler.h"
#include "server/base/strings.h"

namespace vllm_router::admin {
namespace {

using Found = std::vector<Process::InFlight>;

std::string FilterOf(v1::ListInFlightRequest request) {
  request.clear_page_size();
  request.clear_page_token();
  return request.SerializeAsString();
}

}  // namespace

void Service::DoListInFlight(const CallPtr& call, const v1::ListInFlightRequest& request,
                             v1::ListInFlightResponse* response) {
  const Pages pages(tokens_, "requests", FilterOf(request));
  auto page = pages.Open(request.page_size(), request.page_token());
  if (!page.ok()) return call->Refuse(std::move(page).failure());
  process_.list_in_flight({.filter = request,
                           .after_began = page->begin,
                           .after_number = page->tie_break,
                           .limit = page->size + 1},
                          [this, call, response, pages, size = page->size](Found found) {
                            for (size_t i = 0; i < found.size() && i < size; ++i) {
                              *response->add_entries() = std::move(found[i].entry);
                            }
                            if (found.size() > size) {
                              const Process::InFlight& last = found[size - 1];
                              response->set_next_page_token(pages.TokenAt(last.began, last.number));
                            }
                            response->set_generation(view()->config->generation());
                            call->Answer();
                          });
}

void Service::DoAbortRequest(const CallPtr& call, const v1::AbortRequestRequest& request,
                             v1::AbortRequestResponse* response) {
  const std::string& wanted = request.has_name() ? request.name() : request.http_request_id();
  if (wanted.empty()) {
    return call->Refuse(base::InvalidField("target", "set name or http_request_id"));
  }
  if (request.has_name()) call->About(wanted);
  const auto take = [call, &request, response](Found found) {
    if (found.empty()) {
      return call->Refuse(
          base::RequestNotFound(request.has_name() ? "name" : "http_request_id",
                                request.has_name() ? request.name() : request.http_request_id()));
    }
    for (Process::InFlight& one : found) {
      if (!request.has_name()) call->About(one.entry.name());
      *response->add_aborted() = std::move(one.entry);
    }
    call->Answer();
  };
  Process::InFlightQuery query{
      .filter = {}, .name = request.name(), .http_request_id = request.http_request_id()};
  if (request.validate_only()) {
    process_.list_in_flight(std::move(query), take);
  } else {
    process_.abort(std::move(query), take);
  }
}

void Service::DoGetStats(const CallPtr& call, const v1::GetStatsRequest& request,
                         v1::GetStatsResponse* response) {
  std::vector<base::Violation> violations = CheckStatsRequest(request);
  if (!violations.empty()) return call->Refuse(base::InvalidFields(std::move(violations)));
  *response = process_.stats->Get(request);
  call->Answer();
}

}  // namespace vllm_router::admin
