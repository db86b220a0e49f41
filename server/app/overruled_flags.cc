#include "server/app/overruled_flags.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "server/app/seed.h"
#include "server/config/whole.h"
#include "server/control/compile.h"

namespace vllm_router::app {
namespace {

// What of the configuration a flag speaks of, as text that is equal if and only if that is.
using Read = std::string (*)(const v1::Config&);

v1::RoutingPolicy Policy(const v1::Config& config) { return config::EffectivePolicy(config, ""); }
fleet::RouteSettings Route(const v1::Config& config) {
  return control::CompileRoute(Policy(config));
}
fleet::Settings Settings(const v1::Config& config) {
  return control::CompileSettings(config.limits());
}
control::ProcessLimits Process(const v1::Config& config) {
  return control::CompileProcessLimits(config.limits(), 0);
}
std::string Text(uint64_t number) { return std::to_string(number); }
std::string Text(base::Duration time) { return std::to_string(time.count()); }

// One thing of each backend that flags declare, in an order that does not count.
template <typename ReadOne>
std::string OfFlagBackends(const v1::Config& config, ReadOne read) {
  std::vector<std::string> all;
  for (const v1::Backend& backend : config.backends()) {
    if (backend.source() == v1::BACKEND_SOURCE_FLAG) {
      all.push_back(backend.url() + "\n" + read(backend));
    }
  }
  std::sort(all.begin(), all.end());
  std::string text;
  for (const std::string& one : all) text += one + "\n\n";
  return text;
}

const std::map<std::string_view, Read>& Reads() {
  using C = const v1::Config&;
  static const std::map<std::string_view, Read> reads = {
      {"static_backends",
       [](C c) { return OfFlagBackends(c, [](const v1::Backend&) { return std::string(); }); }},
      {"static_models",
       [](C c) {
         return OfFlagBackends(c, [](const v1::Backend& backend) {
           std::string models;
           for (const v1::ServedModel& served : backend.models()) models += served.model() + "\n";
           return models;
         });
       }},
      {"static_model_types",
       [](C c) {
         return OfFlagBackends(c, [](const v1::Backend& backend) {
           return std::string(control::ModelTypeName(backend.model_type()));
         });
       }},
      {"static_model_labels",
       [](C c) {
         return OfFlagBackends(c, [](const v1::Backend& backend) {
           return backend.label().empty() ? "default" : backend.label();
         });
       }},
      {"on_client_gone",
       [](C c) {
         return OfFlagBackends(c, [](const v1::Backend& backend) {
           return Text(backend.on_client_gone() == v1::ON_CLIENT_GONE_DRAIN);
         });
       }},
      {"static_aliases",
       [](C c) {
         std::string text;
         for (const v1::ModelAlias& alias : c.model_aliases()) {
           text += alias.name() + "\n";
           for (const auto& target : alias.targets()) text += target.SerializeAsString() + "\n";
         }
         return text;
       }},
      {"callbacks",
       [](C c) {
         for (const v1::Callback& callback : c.callbacks()) {
           if (callback.name() != kFlagCallback) continue;
           const std::set<int> hooks(callback.hook_points().begin(), callback.hook_points().end());
           return callback.target() + Text(hooks.count(v1::HOOK_POINT_PRE_REQUEST)) +
                  Text(hooks.count(v1::HOOK_POINT_POST_REQUEST));
         }
         return std::string();
       }},
      {"routing_logic", [](C c) { return control::CompileRoute(Policy(c)).logic; }},
      {"session_key", [](C c) { return Policy(c).session_key(); }},
      {"max_instance_failover_reroute_attempts",
       [](C c) { return Text(Route(c).max_failover_attempts); }},
      {"retry_budget_percent", [](C c) { return Text(Route(c).retry_budget_percent); }},
      {"backend_connect_timeout_seconds", [](C c) { return Text(Route(c).connect_timeout); }},
      {"backend_first_byte_timeout_seconds", [](C c) { return Text(Route(c).first_byte_timeout); }},
      {"backend_idle_timeout_seconds", [](C c) { return Text(Route(c).idle_timeout); }},
      {"backend_pool_idle_seconds", [](C c) { return Text(Settings(c).backend_pool_idle); }},
      {"max_request_body_bytes", [](C c) { return Text(Settings(c).max_request_body_bytes); }},
      {"max_header_bytes", [](C c) { return Text(Settings(c).max_header_bytes); }},
      {"max_headers", [](C c) { return Text(Settings(c).max_headers); }},
      {"max_concurrent_requests", [](C c) { return Text(Settings(c).max_concurrent_requests); }},
      {"max_queued_requests", [](C c) { return Text(Settings(c).max_queued_requests); }},
      {"queue_timeout_seconds", [](C c) { return Text(Settings(c).queue_timeout); }},
      {"stream_buffer_bytes", [](C c) { return Text(Settings(c).stream_buffer_bytes); }},
      {"client_header_timeout_seconds",
       [](C c) { return Text(Settings(c).client_header_timeout); }},
      {"client_body_timeout_seconds", [](C c) { return Text(Settings(c).client_body_timeout); }},
      {"client_idle_timeout_seconds", [](C c) { return Text(Settings(c).client_idle_timeout); }},
      {"client_write_timeout_seconds", [](C c) { return Text(Settings(c).client_write_timeout); }},
      {"ejection_failures", [](C c) { return Text(Settings(c).ejection_failures); }},
      {"ejection_base_seconds", [](C c) { return Text(Settings(c).ejection_base); }},
      {"ejection_max_seconds", [](C c) { return Text(Settings(c).ejection_max); }},
      {"enable_engine_control", [](C c) { return Text(Settings(c).allow_engine_control); }},
      {"max_connections", [](C c) { return Text(Process(c).max_connections); }},
      {"drain_delay_seconds", [](C c) { return Text(Process(c).drain_delay); }},
      {"shutdown_grace_seconds", [](C c) { return Text(Process(c).shutdown_grace); }},
      {"log_level", [](C c) { return Text(static_cast<uint64_t>(Process(c).log_level)); }},
      {"log_format", [](C c) { return Text(static_cast<uint64_t>(Process(c).log_format)); }},
      {"access_log", [](C c) { return Text(static_cast<uint64_t>(Settings(c).access_log)); }},
      {"access_log_probes", [](C c) { return Text(Settings(c).access_log_probes); }},
      {"request_stats_window", [](C c) { return Text(Process(c).request_stats_window); }},
      {"static_backend_health_checks", [](C c) { return Text(Process(c).health_checks); }},
      {"static_backend_health_check_interval",
       [](C c) { return Text(Process(c).health_interval); }},
      {"static_backend_health_check_timeout_seconds",
       [](C c) { return Text(Process(c).health_timeout); }},
      {"engine_stats_interval",
       [](C c) { return c.limits().engine_stats_interval().SerializeAsString(); }},
      {"log_stats", [](C c) { return Text(c.limits().log_stats()); }},
      {"log_stats_interval",
       [](C c) { return c.limits().log_stats_interval().SerializeAsString(); }},
  };
  return reads;
}

}  // namespace

bool SeedsConfiguration(std::string_view flag) { return Reads().count(flag) > 0; }

std::vector<std::string> OverruledFlags(const std::vector<FlagValue>& flags, const v1::Config& seed,
                                        const v1::Config& in_force) {
  std::vector<std::string> overruled;
  for (const FlagValue& flag : flags) {
    const auto read = Reads().find(flag.spec->name);
    if (flag.source == FlagSource::kDefault || read == Reads().end()) continue;
    if (read->second(seed) != read->second(in_force)) overruled.push_back(FlagTitle(*flag.spec));
  }
  return overruled;
}

}  // namespace vllm_router::app
