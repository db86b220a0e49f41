// Makes the chain of callbacks of a configuration, and keeps what lives on from one generation to
// the next: figures by name, endpoints with their breakers and addresses, links that have not
// changed. Like SnapshotFactory, whose part it is: belongs to the control thread, and changes
// nothing that a request could see.
#ifndef SERVER_CONTROL_CALLBACK_FACTORY_H_
#define SERVER_CONTROL_CALLBACK_FACTORY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "proto/router.pb.h"
#include "server/base/failure.h"
#include "server/base/strings.h"
#include "server/callbacks/chain.h"
#include "server/control/credentials.h"

namespace vllm_router::control {

class CallbackFactory {
 public:
  explicit CallbackFactory(size_t shards) : shards_(shards) {}

  // nullptr when there are no callbacks; `former` itself when nothing about them has changed.
  // INVALID_FIELDS when a certificate cannot be read.
  base::Outcome<callbacks::ChainPtr> Build(const v1::Config& config, Credentials& credentials,
                                           const callbacks::ChainPtr& former);

 private:
  using LinkPtr = std::shared_ptr<const callbacks::Link>;

  base::Outcome<LinkPtr> LinkFor(const v1::Callback& callback, Credentials& credentials);
  std::shared_ptr<callbacks::Endpoint> EndpointFor(const v1::Callback& callback,
                                                   net::TlsContext tls, uint64_t version);
  void ForgetTheDead();

  const size_t shards_;
  base::StringMap<std::weak_ptr<callbacks::Service>> services_;    // by name
  base::StringMap<std::weak_ptr<callbacks::Endpoint>> endpoints_;  // by all that makes one
  struct Made {
    std::string etag;
    uint64_t credentials;  // version that it was made with
    std::weak_ptr<const callbacks::Link> link;
  };
  base::StringMap<Made> made_;  // by name
};

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_CALLBACK_FACTORY_H_
