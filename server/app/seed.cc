#include "server/app/seed.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/config/draft.h"
#include "server/config/names.h"
#include "server/control/compile.h"

namespace vllm_router::app {
namespace {

using control::FromDuration;

v1::LogLevel ToProto(base::LogLevel level) {
  switch (level) {
    case base::LogLevel::kTrace:
      return v1::LOG_LEVEL_TRACE;
    case base::LogLevel::kDebug:
      return v1::LOG_LEVEL_DEBUG;
    case base::LogLevel::kInfo:
      return v1::LOG_LEVEL_INFO;
    case base::LogLevel::kWarning:
      return v1::LOG_LEVEL_WARNING;
    case base::LogLevel::kError:
      return v1::LOG_LEVEL_ERROR;
    case base::LogLevel::kCritical:
      return v1::LOG_LEVEL_CRITICAL;
  }
  return v1::LOG_LEVEL_UNSPECIFIED;
}

v1::LogFormat ToProto(base::LogFormat format) {
  return format == base::LogFormat::kJson ? v1::LOG_FORMAT_JSON : v1::LOG_FORMAT_TEXT;
}

v1::AccessLogFormat ToProto(fleet::AccessLogFormat format) {
  switch (format) {
    case fleet::AccessLogFormat::kOff:
      return v1::ACCESS_LOG_FORMAT_OFF;
    case fleet::AccessLogFormat::kText:
      return v1::ACCESS_LOG_FORMAT_TEXT;
    case fleet::AccessLogFormat::kJson:
      return v1::ACCESS_LOG_FORMAT_JSON;
  }
  return v1::ACCESS_LOG_FORMAT_UNSPECIFIED;
}

// Sets a field to what the command line says, unless that is the default.
#define SEED(message, field, value, standard) \
  if ((value) != (standard)) (message).set_##field(value)
#define SEED_TIME(message, field, value, standard) \
  if ((value) != (standard)) *(message).mutable_##field() = FromDuration(value)

v1::Limits SeedLimits(const Config& config) {
  static const Config standard;
  v1::Limits limits;
  const fleet::Settings& is = config.settings;
  const fleet::Settings& was = standard.settings;
  SEED(limits, max_request_body_bytes, is.max_request_body_bytes, was.max_request_body_bytes);
  SEED(limits, max_header_bytes, static_cast<uint32_t>(is.max_header_bytes), was.max_header_bytes);
  SEED(limits, max_headers, static_cast<uint32_t>(is.max_headers), was.max_headers);
  SEED(limits, max_connections, config.max_connections, standard.max_connections);
  SEED(limits, max_concurrent_requests, is.max_concurrent_requests, was.max_concurrent_requests);
  SEED(limits, max_queued_requests, is.max_queued_requests, was.max_queued_requests);
  SEED(limits, stream_buffer_bytes, is.stream_buffer_bytes, was.stream_buffer_bytes);
  SEED_TIME(limits, queue_timeout, is.queue_timeout, was.queue_timeout);
  SEED_TIME(limits, client_header_timeout, is.client_header_timeout, was.client_header_timeout);
  SEED_TIME(limits, client_body_timeout, is.client_body_timeout, was.client_body_timeout);
  SEED_TIME(limits, client_idle_timeout, is.client_idle_timeout, was.client_idle_timeout);
  SEED_TIME(limits, client_write_timeout, is.client_write_timeout, was.client_write_timeout);
  SEED_TIME(limits, backend_pool_idle, is.backend_pool_idle, was.backend_pool_idle);
  SEED_TIME(limits, drain_delay, config.drain_delay, standard.drain_delay);
  SEED_TIME(limits, shutdown_grace, config.shutdown_grace, standard.shutdown_grace);
  SEED_TIME(limits, engine_stats_interval, config.engine_stats_interval,
            standard.engine_stats_interval);
  SEED_TIME(limits, request_stats_window, config.request_stats_window,
            standard.request_stats_window);
  SEED_TIME(limits, log_stats_interval, config.log.stats_interval, standard.log.stats_interval);
  SEED(limits, log_stats, config.log.stats, standard.log.stats);
  SEED(limits, allow_engine_control, is.allow_engine_control, was.allow_engine_control);
  SEED(limits, log_level, ToProto(config.log.level), ToProto(standard.log.level));
  SEED(limits, log_format, ToProto(config.log.format), ToProto(standard.log.format));

  v1::AccessLogSettings& access = *limits.mutable_access_log();
  SEED(access, format, ToProto(is.access_log), ToProto(was.access_log));
  SEED(access, probes, is.access_log_probes, was.access_log_probes);
  if (access.ByteSizeLong() == 0) limits.clear_access_log();
  v1::EjectionSettings& ejection = *limits.mutable_ejection();
  SEED(ejection, failures, is.ejection_failures, was.ejection_failures);
  SEED_TIME(ejection, base, is.ejection_base, was.ejection_base);
  SEED_TIME(ejection, max, is.ejection_max, was.ejection_max);
  if (ejection.ByteSizeLong() == 0) limits.clear_ejection();
  v1::HealthCheckSettings& health = *limits.mutable_health_check();
  SEED(health, enabled, config.health_checks.enabled, standard.health_checks.enabled);
  SEED_TIME(health, interval, config.health_checks.interval, standard.health_checks.interval);
  SEED_TIME(health, timeout, config.health_checks.timeout, standard.health_checks.timeout);
  if (health.ByteSizeLong() == 0) limits.clear_health_check();
  return limits;
}

v1::RoutingPolicy SeedPolicy(const Config& config) {
  const fleet::RouteSettings& is = config.route;
  const fleet::RouteSettings was;
  v1::RoutingPolicy policy;
  policy.set_name(std::string(config::kRouting));
  if (config.route.logic == "session") {
    policy.mutable_session();
  } else {
    policy.mutable_round_robin();
  }
  SEED(policy, session_key, is.session_key, was.session_key);
  v1::FailoverSettings& failover = *policy.mutable_failover();
  SEED(failover, max_attempts, is.max_failover_attempts, was.max_failover_attempts);
  SEED(failover, retry_budget_percent, is.retry_budget_percent, was.retry_budget_percent);
  if (failover.ByteSizeLong() == 0) policy.clear_failover();
  v1::BackendTimeouts& timeouts = *policy.mutable_timeouts();
  SEED_TIME(timeouts, connect, is.connect_timeout, was.connect_timeout);
  SEED_TIME(timeouts, first_byte, is.first_byte_timeout, was.first_byte_timeout);
  SEED_TIME(timeouts, stream_idle, is.idle_timeout, was.idle_timeout);
  if (timeouts.ByteSizeLong() == 0) policy.clear_timeouts();
  return policy;
}

#undef SEED
#undef SEED_TIME

std::string AllViolations(const base::Failure& failure) {
  std::string text;
  for (const base::Violation& violation : failure.violations) {
    absl::StrAppendFormat(&text, "%s%s: %s", text.empty() ? "" : "; ", violation.field,
                          violation.description);
  }
  return text.empty() ? failure.message : text;
}

std::vector<v1::Backend> SeedBackends(const Config& config) {
  std::vector<v1::Backend> backends;
  std::map<std::string, size_t> places;
  for (const StaticBackend& wanted : config.static_options.backends) {
    const std::string name = config::BackendNameFor(wanted.url.text);
    const auto [place, is_new] = places.try_emplace(name, backends.size());
    if (is_new) {
      v1::Backend& backend = backends.emplace_back();
      backend.set_name(name);
      backend.set_url(wanted.url.text);
      if (wanted.model_type != "chat") {
        backend.set_model_type(control::ParseModelType(wanted.model_type));
      }
      if (wanted.label != "default") backend.set_label(wanted.label);
      if (config.on_client_gone == fleet::OnClientGone::kDrain) {
        backend.set_on_client_gone(v1::ON_CLIENT_GONE_DRAIN);
      }
    }
    v1::Backend& backend = backends[place->second];
    const auto same = [&](const v1::ServedModel& m) { return m.model() == wanted.model; };
    if (std::none_of(backend.models().begin(), backend.models().end(), same)) {
      backend.add_models()->set_model(wanted.model);
    }
  }
  return backends;
}

std::vector<v1::ModelAlias> SeedAliases(const Config& config) {
  std::vector<v1::ModelAlias> aliases;
  for (const auto& [alias, model] : config.static_options.aliases) {
    v1::ModelAlias& wanted = aliases.emplace_back();
    wanted.set_name(absl::StrFormat("%s%s", config::kAliases, alias));
    wanted.add_targets()->set_model(model);
  }
  return aliases;
}

// A service of --callbacks, with the defaults of the admin API.
std::vector<v1::Callback> SeedCallbacks(const Config& config) {
  if (config.callbacks.target.empty()) return {};
  v1::Callback callback;
  callback.set_name(std::string(kFlagCallback));
  callback.set_target(config.callbacks.target);
  callback.add_hook_points(v1::HOOK_POINT_PRE_REQUEST);
  callback.add_hook_points(v1::HOOK_POINT_POST_REQUEST);
  return {std::move(callback)};
}

// The top-level fields in which two messages of one type differ.
google::protobuf::FieldMask Differences(const google::protobuf::Message& a,
                                        const google::protobuf::Message& b) {
  google::protobuf::FieldMask mask;
  google::protobuf::util::MessageDifferencer differencer;
  const auto* type = a.GetDescriptor();
  const auto present = [](const google::protobuf::Message& message, const auto* field) {
    return !field->is_repeated() && message.GetReflection()->HasField(message, field);
  };
  for (int i = 0; i < type->field_count(); ++i) {
    // By their values alone, an empty message and none are the same to the differencer.
    if (present(a, type->field(i)) != present(b, type->field(i)) ||
        !differencer.CompareWithFields(a, b, {type->field(i)}, {type->field(i)})) {
      mask.add_paths(type->field(i)->name());
    }
  }
  return mask;
}

template <typename Message>
bool Same(const std::vector<Message>& a, const std::vector<Message>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    google::protobuf::util::MessageDifferencer::Equals);
}

// Deletes those of `before` that are not in `after`, if they are still there.
template <typename Resource>
void DeleteMissing(const std::vector<Resource>& before, const std::vector<Resource>& after,
                   v1::ResourceDeletion* (v1::ConfigMutation::*mutable_deletion)(),
                   config::Draft& draft) {
  for (const Resource& resource : before) {
    if (std::any_of(after.begin(), after.end(),
                    [&](const auto& other) { return other.name() == resource.name(); })) {
      continue;
    }
    v1::ConfigMutation mutation;
    (mutation.*mutable_deletion)()->set_name(resource.name());
    (mutation.*mutable_deletion)()->set_allow_missing(true);
    draft.Apply(mutation, "");
  }
}

// Upserts those of `after` that are other than in `before`, in the fields in which they are.
template <typename Resource>
void UpsertDifferences(const std::vector<Resource>& before, const std::vector<Resource>& after,
                       Resource* (v1::ConfigMutation::*mutable_resource)(), config::Draft& draft) {
  std::map<std::string_view, const Resource*> former;
  for (const Resource& resource : before) former.emplace(resource.name(), &resource);
  for (const Resource& resource : after) {
    v1::ConfigMutation mutation;
    *(mutation.*mutable_resource)() = resource;
    if (const auto known = former.find(resource.name()); known != former.end()) {
      *mutation.mutable_update_mask() = Differences(*known->second, resource);
      if (mutation.update_mask().paths().empty()) continue;
    }
    draft.Apply(mutation, "");
  }
}

}  // namespace

absl::StatusOr<v1::Config> SeedConfig(const Config& config, v1::BackendSource source,
                                      const v1::Revision& meta,
                                      const std::optional<v1::Callback>& handler) {
  config::Draft draft(std::make_shared<const config::Document>(config::Draft::Empty()), {},
                      {.generation = meta.generation(),
                       .now = meta.create_time(),
                       .etag = absl::StrFormat("seed-%d", meta.generation()),
                       .source = source});
  v1::ConfigMutation mutation;
  for (v1::Backend& backend : SeedBackends(config)) {
    *mutation.mutable_upsert_backend() = std::move(backend);
    draft.Apply(mutation, "");
  }
  *mutation.mutable_upsert_routing_policy() = SeedPolicy(config);
  draft.Apply(mutation, "");
  for (v1::ModelAlias& alias : SeedAliases(config)) {
    *mutation.mutable_upsert_model_alias() = std::move(alias);
    draft.Apply(mutation, "");
  }
  std::vector<v1::Callback> callbacks = SeedCallbacks(config);
  if (handler) callbacks.push_back(*handler);
  for (v1::Callback& callback : callbacks) {
    *mutation.mutable_upsert_callback() = std::move(callback);
    draft.Apply(mutation, "");
  }
  v1::Limits limits = SeedLimits(config);
  // It may take as long as it is given, as in the original.
  if (handler) *limits.mutable_callback_budget() = handler->pre_deadline();
  *mutation.mutable_update_limits() = std::move(limits);
  draft.Apply(mutation, "");
  base::Outcome<config::Change> change = draft.Finish();
  if (!change.ok()) return absl::InvalidArgumentError(AllViolations(change.failure()));
  v1::Config seed = change->config();
  seed.set_generation(meta.generation());
  // What stands at its defaults has not changed, but is of this generation too.
  const auto mark = [&](auto& resource) {
    if (!resource.etag().empty()) return;
    resource.set_etag(absl::StrFormat("seed-%d", meta.generation()));
    resource.set_generation(meta.generation());
    *resource.mutable_update_time() = meta.create_time();
  };
  for (v1::RoutingPolicy& policy : *seed.mutable_routing_policies()) mark(policy);
  mark(*seed.mutable_limits());
  return seed;
}

std::function<void(config::Draft&)> DeclareBackends(const Config& config,
                                                    v1::BackendSource source) {
  return [source, backends = SeedBackends(config)](config::Draft& draft) {
    draft.DeclareBackends(source, backends);
  };
}

std::function<void(config::Draft&)> EditBetween(const Config& before, const Config& after,
                                                v1::BackendSource source) {
  return [=, was = SeedBackends(before), is = SeedBackends(after)](config::Draft& draft) {
    // Those that flags have declared may have been deleted since: declaring brings them back.
    if (!Same(was, is)) draft.DeclareBackends(source, is);
    // What a source does not own of its backends is changed as an operator would.
    std::vector<v1::Backend> known = is;
    std::erase_if(known, [&](const v1::Backend& backend) {
      return std::none_of(was.begin(), was.end(),
                          [&](const auto& other) { return other.name() == backend.name(); });
    });
    UpsertDifferences(was, known, &v1::ConfigMutation::mutable_upsert_backend, draft);

    UpsertDifferences<v1::RoutingPolicy>({SeedPolicy(before)}, {SeedPolicy(after)},
                                         &v1::ConfigMutation::mutable_upsert_routing_policy, draft);
    const std::vector<v1::ModelAlias> aliases = SeedAliases(after);
    DeleteMissing(SeedAliases(before), aliases, &v1::ConfigMutation::mutable_delete_model_alias,
                  draft);
    UpsertDifferences(SeedAliases(before), aliases, &v1::ConfigMutation::mutable_upsert_model_alias,
                      draft);
    const std::vector<v1::Callback> callbacks = SeedCallbacks(after);
    DeleteMissing(SeedCallbacks(before), callbacks, &v1::ConfigMutation::mutable_delete_callback,
                  draft);
    UpsertDifferences(SeedCallbacks(before), callbacks,
                      &v1::ConfigMutation::mutable_upsert_callback, draft);
    v1::ConfigMutation limits;
    *limits.mutable_update_limits() = SeedLimits(after);
    *limits.mutable_update_mask() = Differences(SeedLimits(before), SeedLimits(after));
    if (!limits.update_mask().paths().empty()) draft.Apply(limits, "");
  };
}

}  // namespace vllm_router::app
