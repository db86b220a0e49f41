// Everything that the composition root needs to know at start, as the command line says it:
// checked, plain data.
//
// Made once by ParseCommandLine, const from then on, readable from any thread. It only seeds the
// running configuration: what may change while running is changed through the admin API, never
// here. Holds a key: not for logs as a whole.
#ifndef SERVER_APP_CONFIG_H_
#define SERVER_APP_CONFIG_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/fleet/backend.h"
#include "server/fleet/backend_url.h"
#include "server/fleet/settings.h"

namespace vllm_router::app {

enum class DiscoveryKind : uint8_t { kStatic, kK8s, kExternalOnly };

// One position of the parallel lists --static-backends, --static-models, --static-model-types and
// --static-model-labels. Equal urls may repeat with different models.
struct StaticBackend {
  fleet::BackendUrl url;
  std::string model;
  std::string model_type = "chat";
  std::string label = "default";
};

struct StaticOptions {
  std::vector<StaticBackend> backends;  // in the order of the flags, never empty
  std::vector<std::pair<std::string, std::string>> aliases;  // {alias, model}, aliases distinct
};

struct K8sOptions {
  std::string discovery_type = "pod-ip";  // or "service-name"
  uint16_t port = 8000;
  std::string namespace_name = "default";
  std::string label_selector;
  base::Duration watcher_timeout{0};  // 0 = what the API server does by default
  base::Duration health_check_timeout = std::chrono::seconds(10);
};

struct HealthCheckOptions {
  bool enabled = false;
  base::Duration interval = std::chrono::seconds(60);
  base::Duration timeout = std::chrono::seconds(10);
};

struct LogOptions {
  base::LogLevel level = base::LogLevel::kInfo;
  base::LogFormat format = base::LogFormat::kText;
  std::string access_file;  // of the access log; empty = stdout
  bool stats = false;
  base::Duration stats_interval = std::chrono::seconds(30);
};

// Paths of PEM files; empty = not set. `cert` and `key` come together, `client_ca` only with them.
struct TlsOptions {
  std::string cert;
  std::string key;
  std::string client_ca;
};

struct AdminOptions {
  std::string address =
      "127.0.0.1:50051";  // host:port, [v6]:port or unix:path; empty = no admin service
  TlsOptions tls;
  std::string tokens_file;
  bool insecure = false;  // the operator allows an open bind that is not loopback
  std::string state_dir;  // empty = generations are kept in memory only
  bool reset_state = false;
  std::string audit_log;
  std::string secrets_dir;  // empty = no backend may name a file with its key
};

// At most one of `target` and `handler` is set.
struct CallbackOptions {
  std::string target;   // of a service: host:port, [ipv6]:port or unix:/path
  std::string handler;  // module.instance of Python, which a child process serves
  std::string python = "python3";
};

struct Config {
  std::string host = "0.0.0.0";
  uint16_t port = 8001;  // 0 = any free one
  std::string root_path;
  uint32_t shards = 0;  // 0 = one per core

  DiscoveryKind discovery = DiscoveryKind::kStatic;
  StaticOptions static_options;
  K8sOptions k8s;

  CallbackOptions callbacks;

  fleet::Settings settings;
  fleet::RouteSettings route;
  fleet::OnClientGone on_client_gone = fleet::OnClientGone::kAbort;
  uint64_t max_connections = 0;  // 0 = from the limit of open files
  base::Duration drain_delay = std::chrono::seconds(5);
  base::Duration shutdown_grace = std::chrono::seconds(600);  // 0 = running streams are cut at once

  HealthCheckOptions health_checks;
  base::Duration engine_stats_interval = std::chrono::seconds(30);
  base::Duration request_stats_window = std::chrono::seconds(60);
  LogOptions log;

  TlsOptions tls;
  std::string backend_tls_ca;  // empty = the system's store
  std::string api_keys_file;   // empty = open to every client
  // From the environment (VLLM_API_KEY), for the router's own calls to engines, never for a
  // client's requests (the original does the same). Secret: never printed.
  std::string backend_api_key;

  AdminOptions admin;
};

}  // namespace vllm_router::app

#endif  // SERVER_APP_CONFIG_H_
