#include "server/gateway/explain.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/gateway/local_endpoints.h"
#include "server/openai/model_name.h"
#include "server/routing/policy.h"
#include "server/routing/reasons.h"

namespace vllm_router::gateway {
namespace {

namespace errors = openai::errors;

using Excluded = std::vector<const fleet::Backend*>;

struct Subject {
  std::string model;
  SessionSource session_source = SessionSource::kNone;
  std::string session_id;
};

std::vector<base::Violation> FindExcluded(const std::vector<std::string>& ids,
                                          const fleet::Snapshot& snapshot, Excluded* excluded) {
  std::vector<base::Violation> violations;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (const fleet::BackendPtr* backend = snapshot.FindBackend(ids[i]); backend != nullptr) {
      excluded->push_back(backend->get());
    } else {
      violations.push_back(
          {absl::StrFormat("excluded_backends[%d]", i),
           absl::StrFormat("there is no backend \"%s\"", base::Printable(ids[i]))});
    }
  }
  return violations;
}

// How the path has its model read; kUnknown: it is not routed by one.
EndpointKind KindOf(std::string_view path, std::string_view content_type) {
  const EndpointKind kind = FindEndpoint(path).kind;
  switch (kind) {
    case EndpointKind::kRoutedJson:
    case EndpointKind::kRoutedMultipart:
    case EndpointKind::kRoutedQuery:
      return kind;
    case EndpointKind::kRoutedAny:
      return base::EqualsIgnoreCase(content_type.substr(0, 10), "multipart/")
                 ? EndpointKind::kRoutedMultipart
                 : EndpointKind::kRoutedJson;
    default:
      return EndpointKind::kUnknown;
  }
}

// Reads the question as a shard reads a request. nullptr: the model, in `subject`, is unknown.
base::Outcome<const fleet::Pool*> Read(const RouteQuestion& question,
                                       const fleet::Snapshot& snapshot, base::Rng& rng,
                                       Subject* subject) {
  const auto header = [&](std::string_view name) -> std::optional<std::string_view> {
    for (const auto& [field, value] : question.headers) {
      if (base::EqualsIgnoreCase(field, name)) return value;
    }
    return std::nullopt;
  };
  const std::string_view target = question.path;
  const std::string_view path = target.substr(0, target.find('?'));
  const RequestSource source{.kind = KindOf(path, header("content-type").value_or("")),
                             .content_type = header("content-type").value_or(""),
                             .content_encoding = header("content-encoding").value_or(""),
                             .query = target.substr(std::min(path.size() + 1, target.size())),
                             .body = question.body,
                             .padding = 0,
                             .header = header};
  if (source.kind == EndpointKind::kUnknown) {
    return base::InvalidField("input.path", "is no path that is routed by a model");
  }
  openai::RequestViewParser parser;
  RequestFacts facts;
  const auto* error = ReadRequest(source, snapshot.route->session_key, parser, &facts);
  if (question.model.empty()) {
    if (LacksModel(error) && question.body.empty()) {
      return base::InvalidField("input.model", "is empty, and so is the body");
    }
  } else {
    if (LacksModel(error)) error = nullptr;
    if (const auto* bad = openai::CheckModelName(question.model); bad != nullptr) {
      return base::InvalidField("input.model", bad->message);
    }
    facts.model = question.model;
  }
  if (error != nullptr) {
    const bool in_query = error == &errors::kMissingModelInQuery;
    return base::InvalidField(in_query ? "input.path" : "input.body", error->message);
  }
  subject->model = facts.model;
  const fleet::Pool* pool = ResolvePool(source, snapshot, parser, rng, &facts);
  subject->session_source = facts.session_source;
  subject->session_id = facts.session_id.value_or("");
  return pool;
}

std::string EjectedReason(const fleet::BackendRuntime& runtime, base::TimePoint now) {
  const fleet::Breaker breaker = runtime.breaker(now);
  return absl::StrFormat("ejected for another %.1f s after failures in a row",
                         std::max(0.0, base::ToSeconds(breaker.until - now)));
}

class Judge {
 public:
  Judge(const fleet::Pool& pool, const routing::PickExplanation& explanation,
        const Excluded& excluded, base::TimePoint now)
      : pool_(pool), explanation_(explanation), excluded_(excluded), now_(now) {}

  RouteCandidate On(const fleet::Backend& backend) const {
    RouteCandidate candidate{.backend_id = backend.spec.id,
                             .url = backend.spec.url.text,
                             .in_flight = backend.runtime->in_flight()};
    Decide(backend, &candidate);
    for (const auto& score : explanation_.scores) {
      if (score.backend == &backend) candidate.score = score.value;
    }
    return candidate;
  }

 private:
  void Decide(const fleet::Backend& backend, RouteCandidate* out) const {
    const fleet::BackendRuntime& runtime = *backend.runtime;
    const auto say = [out](RouteVerdict verdict, std::string reason) {
      out->verdict = verdict;
      out->reason = std::move(reason);
    };
    if (&backend == explanation_.pick.backend.get()) {
      say(RouteVerdict::kPicked, std::string(explanation_.pick.reason));
      if (explanation_.pick.last_resort) out->reason += ", although ejected: nobody else is left";
    } else if (backend.spec.admin_state == fleet::AdminState::kDraining) {
      say(RouteVerdict::kDraining, "drained by the operator");
    } else if (backend.spec.admin_state == fleet::AdminState::kDisabled) {
      say(RouteVerdict::kDisabled, "disabled by the operator");
    } else if (std::find(excluded_.begin(), excluded_.end(), &backend) != excluded_.end()) {
      say(RouteVerdict::kExcluded, "has failed this request");
    } else if (!runtime.healthy()) {
      const fleet::HealthCheck check = runtime.last_check();
      const bool sleeping = check.state == fleet::HealthState::kSleeping;
      say(sleeping ? RouteVerdict::kSleeping : RouteVerdict::kUnhealthy,
          check.message.empty() ? "its health check fails" : check.message);
    } else if (runtime.ejected(now_)) {
      say(RouteVerdict::kEjected, EjectedReason(runtime, now_));
    } else if (const fleet::Backend* twin = EarlierTwin(backend); twin != nullptr) {
      say(RouteVerdict::kEligible, "has the URL of " + twin->spec.id + ", which stands for both");
    } else {
      say(RouteVerdict::kEligible, "another one was chosen");
    }
  }

  // Backends with one URL count as one: the first.
  const fleet::Backend* EarlierTwin(const fleet::Backend& backend) const {
    for (const fleet::BackendPtr& other : pool_.backends) {
      if (other.get() == &backend) break;
      if (other->spec.url.text == backend.spec.url.text) return other.get();
    }
    return nullptr;
  }

  const fleet::Pool& pool_;
  const routing::PickExplanation& explanation_;
  const Excluded& excluded_;
  const base::TimePoint now_;
};

bool IsBetter(const RouteCandidate& a, const RouteCandidate& b) {
  const auto rank = [](const RouteCandidate& candidate) {
    return std::min(candidate.verdict, RouteVerdict::kUnhealthy);  // the rest as configured
  };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  return a.score.value_or(0) > b.score.value_or(0);
}

RouteExplanation Explain(const Subject& subject, const fleet::Pool& pool, const Excluded& excluded,
                         const fleet::Snapshot& snapshot, base::Rng& rng, base::TimePoint now) {
  routing::PickExplanation explanation{.pick = {nullptr, routing::kNoCandidate}, .scores = {}};
  if (pool.picker != nullptr) {
    const bool has_session = subject.session_source != SessionSource::kNone;
    explanation = pool.picker->Explain(
        {.session_id =
             has_session ? std::optional<std::string_view>(subject.session_id) : std::nullopt,
         .prompt = {},
         .excluded = excluded,
         .now = now,
         .rng = rng});
  }
  RouteExplanation result{.generation = snapshot.generation,
                          .model = subject.model,
                          .resolved_model = pool.model,
                          .own_rules = pool.route != snapshot.route,
                          .session_source = subject.session_source,
                          .session_id = subject.session_id,
                          .candidates = {},
                          .picked_id = {},
                          .pick_reason = std::string(explanation.pick.reason)};
  if (explanation.pick.backend != nullptr) result.picked_id = explanation.pick.backend->spec.id;
  const Judge judge(pool, explanation, excluded, now);
  for (const fleet::BackendPtr& backend : snapshot.backends) {
    if (backend->spec.FindModel(pool.model) != nullptr) {
      result.candidates.push_back(judge.On(*backend));
    }
  }
  std::stable_sort(result.candidates.begin(), result.candidates.end(), IsBetter);
  return result;
}

}  // namespace

base::Outcome<RouteExplanation> ExplainRoute(const RouteQuestion& question,
                                             const std::vector<std::string>& excluded,
                                             const fleet::Snapshot& snapshot, base::Rng& rng,
                                             base::TimePoint now) {
  Excluded found;
  std::vector<base::Violation> violations = FindExcluded(excluded, snapshot, &found);
  Subject subject;
  const base::Outcome<const fleet::Pool*> pool = Read(question, snapshot, rng, &subject);
  if (!pool.ok()) {
    const auto& more = pool.failure().violations;
    violations.insert(violations.begin(), more.begin(), more.end());
  }
  if (!violations.empty()) return base::InvalidFields(std::move(violations));
  if (*pool == nullptr) return base::ModelNotFound(subject.model);
  return Explain(subject, **pool, found, snapshot, rng, now);
}

base::Outcome<RouteExplanation> ExplainRoute(const RequestTrace& trace,
                                             const std::vector<std::string>& excluded,
                                             const fleet::Snapshot& snapshot, base::Rng& rng,
                                             base::TimePoint now) {
  Excluded found;
  std::vector<base::Violation> violations = FindExcluded(excluded, snapshot, &found);
  if (!violations.empty()) return base::InvalidFields(std::move(violations));
  FindExcluded(trace.failed_ids, snapshot, &found);
  const bool has_session = trace.session_source != SessionSource::kNone;
  const fleet::Pool* pool = ResolvePool(
      trace.model, has_session ? std::optional<std::string_view>(trace.session_id) : std::nullopt,
      snapshot, rng);
  if (pool == nullptr) return base::ModelNotFound(trace.model);
  return Explain({trace.model, trace.session_source, trace.session_id}, *pool, found, snapshot, rng,
                 now);
}

}  // namespace vllm_router::gateway
