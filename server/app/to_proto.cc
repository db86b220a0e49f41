#include "server/app/to_proto.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/names.h"
#include "server/config/times.h"
#include "server/config/whole.h"
#include "server/control/compile.h"

namespace vllm_router::app {
namespace {

using control::FromDuration;

constexpr std::string_view kRequests = "requests/";

v1::RequestPhase ToProto(gateway::LivePhase phase) {
  switch (phase) {
    case gateway::LivePhase::kReading:
      return v1::REQUEST_PHASE_READING;
    case gateway::LivePhase::kCallback:
      return v1::REQUEST_PHASE_CALLBACK;
    case gateway::LivePhase::kQueued:
      return v1::REQUEST_PHASE_QUEUED;
    case gateway::LivePhase::kConnecting:
      return v1::REQUEST_PHASE_CONNECTING;
    case gateway::LivePhase::kPrefill:
      return v1::REQUEST_PHASE_PREFILL;
    case gateway::LivePhase::kDecode:
      return v1::REQUEST_PHASE_DECODE;
    case gateway::LivePhase::kDiscarding:
      return v1::REQUEST_PHASE_DISCARDING;
  }
  return v1::REQUEST_PHASE_UNSPECIFIED;
}

v1::CandidateVerdict ToProto(gateway::RouteVerdict verdict) {
  switch (verdict) {
    case gateway::RouteVerdict::kPicked:
      return v1::CANDIDATE_VERDICT_PICKED;
    case gateway::RouteVerdict::kEligible:
      return v1::CANDIDATE_VERDICT_ELIGIBLE;
    case gateway::RouteVerdict::kUnhealthy:
      return v1::CANDIDATE_VERDICT_UNHEALTHY;
    case gateway::RouteVerdict::kSleeping:
      return v1::CANDIDATE_VERDICT_SLEEPING;
    case gateway::RouteVerdict::kEjected:
      return v1::CANDIDATE_VERDICT_EJECTED;
    case gateway::RouteVerdict::kDraining:
      return v1::CANDIDATE_VERDICT_DRAINING;
    case gateway::RouteVerdict::kDisabled:
      return v1::CANDIDATE_VERDICT_DISABLED;
    case gateway::RouteVerdict::kExcluded:
      return v1::CANDIDATE_VERDICT_EXCLUDED;
  }
  return v1::CANDIDATE_VERDICT_UNSPECIFIED;
}

v1::SessionSource ToProto(gateway::SessionSource source) {
  switch (source) {
    case gateway::SessionSource::kNone:
      return v1::SESSION_SOURCE_NONE;
    case gateway::SessionSource::kHeader:
      return v1::SESSION_SOURCE_HEADER;
    case gateway::SessionSource::kBody:
      return v1::SESSION_SOURCE_BODY;
  }
  return v1::SESSION_SOURCE_UNSPECIFIED;
}

std::string NameOf(const std::string& backend_id) {
  return backend_id.empty() ? "" : absl::StrFormat("%s%s", config::kBackends, backend_id);
}

}  // namespace

admin::Process::InFlight ToProto(const gateway::LiveRequest& request, const admin::Moment& moment) {
  admin::Process::InFlight result;
  result.began = static_cast<uint64_t>(request.began.time_since_epoch().count());
  result.number = request.number;
  v1::InFlightEntry& entry = result.entry;
  entry.set_name(absl::StrFormat("%s%d", kRequests, request.number));
  entry.set_http_request_id(request.http_request_id);
  entry.set_phase(ToProto(request.phase));
  const base::Duration age = moment.now - request.began;
  *entry.mutable_start_time() = config::ToTimestamp(moment.wall - age);
  *entry.mutable_age() = FromDuration(age);
  *entry.mutable_phase_age() = FromDuration(moment.now - request.phase_began);
  entry.set_path(request.path);
  entry.set_model(request.model);
  entry.set_stream(request.stream);
  entry.set_client_address(request.client_address);
  entry.set_backend(NameOf(request.backend_id));
  entry.set_attempt(request.attempt);
  entry.set_generation(request.generation);
  entry.set_request_bytes(request.request_bytes);
  entry.set_response_bytes(request.response_bytes);
  entry.set_buffered_bytes(request.buffered_bytes);
  entry.set_output_events(request.output_events);
  entry.set_shard(static_cast<uint32_t>(gateway::RequestNumber::ShardOf(request.number)));
  return result;
}

gateway::LiveFilter ToFilter(const admin::Process::InFlightQuery& query, base::TimePoint now) {
  gateway::LiveFilter filter;
  if (!query.name.empty()) {
    const auto id = config::IdIn(kRequests, query.name);
    // What is no number is no request's: none has the largest one.
    filter.number = id ? base::ParseUint(*id).value_or(UINT64_MAX) : UINT64_MAX;
  }
  filter.http_request_id = query.http_request_id;
  filter.model = query.filter.model();
  if (!query.filter.backend().empty()) {
    // Of an unknown form: none has this id.
    filter.backend_id = config::IdIn(config::kBackends, query.filter.backend()).value_or("/");
  }
  for (const auto phase :
       {gateway::LivePhase::kReading, gateway::LivePhase::kCallback, gateway::LivePhase::kQueued,
        gateway::LivePhase::kConnecting, gateway::LivePhase::kPrefill, gateway::LivePhase::kDecode,
        gateway::LivePhase::kDiscarding}) {
    for (const int wanted : query.filter.phases()) {
      if (wanted == ToProto(phase)) filter.phases |= 1u << static_cast<uint8_t>(phase);
    }
  }
  if (query.filter.has_min_age()) {
    filter.began_until = now - control::ToDuration(query.filter.min_age());
  }
  if (query.after_began != 0 || query.after_number != 0) {
    filter.after = {base::TimePoint(base::Duration(static_cast<int64_t>(query.after_began))),
                    query.after_number};
  }
  return filter;
}

gateway::RouteQuestion ToQuestion(const v1::ExplainInput& input) {
  gateway::RouteQuestion question;
  question.model = input.model();
  if (!input.path().empty()) question.path = input.path();
  for (const v1::ExplainHeader& header : input.headers()) {
    question.headers.emplace_back(header.name(), header.value());
  }
  question.body = input.body();
  return question;
}

v1::ExplainRouteResponse ToProto(const gateway::RouteExplanation& explanation,
                                 const control::View& view) {
  v1::ExplainRouteResponse response;
  response.set_generation(explanation.generation);
  response.set_model(explanation.model);
  response.set_resolved_model(explanation.resolved_model);
  response.set_routing_policy(
      explanation.own_rules
          ? absl::StrFormat("%s%s", config::kRoutingOfModel, explanation.resolved_model)
          : std::string(config::kRouting));
  response.set_logic(
      control::CompileRoute(config::EffectivePolicy(*view.config, explanation.resolved_model))
          .logic);
  response.set_session_source(ToProto(explanation.session_source));
  response.set_session_id(explanation.session_id);
  for (const gateway::RouteCandidate& candidate : explanation.candidates) {
    v1::RouteCandidate& shown = *response.add_candidates();
    shown.set_backend(NameOf(candidate.backend_id));
    shown.set_url(candidate.url);
    shown.set_verdict(ToProto(candidate.verdict));
    shown.set_reason(candidate.reason);
    if (candidate.score) shown.set_score(*candidate.score);
    shown.set_in_flight(static_cast<uint64_t>(candidate.in_flight));
  }
  response.set_picked_backend(NameOf(explanation.picked_id));
  response.set_pick_reason(explanation.pick_reason);
  return response;
}

v1::ProbeBackendResponse ToProto(const health::ProbeReport& report) {
  v1::ProbeBackendResponse response;
  response.set_health(admin::ToProto(report.health));
  response.set_http_status(static_cast<uint32_t>(report.http_status));
  response.set_message(report.message);
  *response.mutable_latency() = FromDuration(report.latency);
  for (const std::string& model : report.models) response.add_models(model);
  return response;
}

}  // namespace vllm_router::app
