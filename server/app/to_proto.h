// What gateways and probers tell, in the words of the admin API. Pure functions.
#ifndef SERVER_APP_TO_PROTO_H_
#define SERVER_APP_TO_PROTO_H_

#include "proto/router.pb.h"
#include "server/admin/process.h"
#include "server/admin/resources.h"
#include "server/gateway/explain.h"
#include "server/gateway/live_request.h"
#include "server/health/prober.h"

namespace vllm_router::app {

admin::Process::InFlight ToProto(const gateway::LiveRequest& request, const admin::Moment& moment);
// The live requests that a query means; its page too.
gateway::LiveFilter ToFilter(const admin::Process::InFlightQuery& query, base::TimePoint now);

v1::ExplainRouteResponse ToProto(const gateway::RouteExplanation& explanation,
                                 const control::View& view);
gateway::RouteQuestion ToQuestion(const v1::ExplainInput& input);

v1::ProbeBackendResponse ToProto(const health::ProbeReport& report);

}  // namespace vllm_router::app

#endif  // SERVER_APP_TO_PROTO_H_
