// Requests in flight, their comparison with what engines count, and the statistics of all requests.
#include <utility>

#include "absl/strings/str_format.h"
#include "server/admin/in_flight_audit.h"
#include "server/admin/pages.h"
#include "server/admin/service.h"
#include "server/admin/stats_sampler.h"
#include "server/base/strings.h"
#include "server/config/names.h"
#include "server/control/compile.h"

namespace vllm_router::admin {
namespace {

using Found = std::vector<Process::InFlight>;

constexpr base::Duration kAuditTimeout = std::chrono::seconds(5);
constexpr base::Duration kMinAuditTimeout = std::chrono::milliseconds(100);
constexpr base::Duration kMaxAuditTimeout = std::chrono::seconds(60);

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

void Service::DoAuditInFlight(const CallPtr& call, const v1::AuditInFlightRequest& request,
                              v1::AuditInFlightResponse* response) {
  base::Duration timeout = kAuditTimeout;
  if (request.has_timeout()) {
    timeout = control::ToDuration(request.timeout());
    if (timeout < kMinAuditTimeout || timeout > kMaxAuditTimeout) {
      return call->Refuse(base::InvalidField(
          "timeout",
          absl::StrFormat("%g s is not allowed: 0.1 s to 60 s", base::ToSeconds(timeout))));
    }
  }
  const control::ViewPtr now = view();
  std::vector<fleet::BackendPtr> backends;
  for (const fleet::BackendPtr& backend : now->snapshot->backends) {
    const bool wanted = request.backend().empty()
                            ? backend->spec.admin_state != fleet::AdminState::kDisabled
                            : config::IdIn(config::kBackends, request.backend()) ==
                                  std::string_view(backend->spec.id);
    if (wanted) backends.push_back(backend);
  }
  if (backends.empty() && !request.backend().empty()) {
    return call->Refuse(base::BackendNotFound(request.backend()));
  }
  response->set_generation(now->config->generation());
  response->set_checked(static_cast<uint32_t>(backends.size()));
  InFlightAudit::Begin(process_, std::move(backends), timeout,
                       [call, response, all = request.include_matching()](
                           std::vector<v1::InFlightComparison> comparisons) {
                         uint32_t matching = 0;
                         for (v1::InFlightComparison& comparison : comparisons) {
                           const bool matches =
                               comparison.verdict() == v1::IN_FLIGHT_VERDICT_MATCHES;
                           matching += matches ? 1 : 0;
                           if (!matches || all)
                             *response->add_comparisons() = std::move(comparison);
                         }
                         response->set_matching(matching);
                         call->Answer();
                       });
}

void Service::DoGetStats(const CallPtr& call, const v1::GetStatsRequest& request,
                         v1::GetStatsResponse* response) {
  std::vector<base::Violation> violations = CheckStatsRequest(request);
  if (!violations.empty()) return call->Refuse(base::InvalidFields(std::move(violations)));
  *response = process_.stats->Get(request);
  call->Answer();
}

}  // namespace vllm_router::admin
