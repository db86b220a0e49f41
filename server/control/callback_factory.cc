#include "server/control/callback_factory.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/callbacks/service_path.h"
#include "server/config/callback_target.h"
#include "server/config/defaults.h"
#include "server/control/compile.h"

namespace vllm_router::control {
base::Outcome<callbacks::ChainPtr> CallbackFactory::Build(const v1::Config& config,
                                                          Credentials& credentials,
                                                          const callbacks::ChainPtr& former) {
  ForgetTheDead();
  if (config.callbacks().empty()) return callbacks::ChainPtr();
  std::vector<LinkPtr> links;
  for (const v1::Callback& callback : config.callbacks()) {
    base::Outcome<LinkPtr> link = LinkFor(callback, credentials);
    if (!link.ok()) return link.failure();
    links.push_back(*std::move(link));
  }
  const v1::Limits limits = config::WithDefaults(config.limits(), 0);
  auto chain = std::make_shared<const callbacks::Chain>(
      std::move(links), ToDuration(limits.callback_budget()), limits.callback_memory_bytes(),
      limits.max_request_body_bytes());
  if (former != nullptr && *former == *chain) return former;
  return callbacks::ChainPtr(std::move(chain));
}

base::Outcome<CallbackFactory::LinkPtr> CallbackFactory::LinkFor(const v1::Callback& callback,
                                                                 Credentials& credentials) {
  const uint64_t version = credentials.version();
  const auto known = made_.find(callback.name());
  if (known != made_.end() && known->second.etag == callback.etag() &&
      known->second.credentials == version) {
    if (LinkPtr same = known->second.link.lock(); same != nullptr) return same;
  }
  net::TlsContext tls;
  if (auto failure = credentials.Fill(callback, &tls)) return *std::move(failure);
  std::weak_ptr<callbacks::Service>& kept = services_[callback.name()];
  std::shared_ptr<callbacks::Service> service = kept.lock();
  if (service == nullptr) kept = service = std::make_shared<callbacks::Service>(shards_);
  auto link = std::make_shared<const callbacks::Link>(
      callbacks::Link{.rules = callbacks::Registration(callback),
                      .service = std::move(service),
                      .endpoint = EndpointFor(callback, std::move(tls), version)});
  made_[callback.name()] = {callback.etag(), version, link};
  return LinkPtr(std::move(link));
}

std::shared_ptr<callbacks::Endpoint> CallbackFactory::EndpointFor(const v1::Callback& callback,
                                                                  net::TlsContext tls,
                                                                  uint64_t version) {
  // Files that were read again make other connections.
  const std::string key =
      absl::StrFormat("%s\n%s\n%s\n%d", callback.name(), callback.target(),
                      callback.tls().SerializeAsString(), callback.has_tls() ? version : 0);
  std::weak_ptr<callbacks::Endpoint>& kept = endpoints_[key];
  if (std::shared_ptr<callbacks::Endpoint> known = kept.lock(); known != nullptr) return known;
  // It has passed the checks.
  const config::CallbackTarget target = *config::ParseCallbackTarget(callback.target());
  const std::string& name = callback.tls().server_name();
  auto made = std::make_shared<callbacks::Endpoint>(target.host, target.port,
                                                    callbacks::AuthorityOf(target), std::move(tls),
                                                    name.empty() ? target.host : name);
  if (!target.unix_path.empty()) made->SetAddresses({*net::MakeUnixAddress(target.unix_path)});
  kept = made;
  return made;
}

void CallbackFactory::ForgetTheDead() {
  absl::erase_if(services_, [](const auto& entry) { return entry.second.expired(); });
  absl::erase_if(endpoints_, [](const auto& entry) { return entry.second.expired(); });
  absl::erase_if(made_, [](const auto& entry) { return entry.second.link.expired(); });
}

}  // namespace vllm_router::control
