// TLS for the admin server, from files that are read again while it runs. Stateless.
#ifndef SERVER_ADMIN_SERVER_CREDENTIALS_H_
#define SERVER_ADMIN_SERVER_CREDENTIALS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/net/tls.h"

namespace grpc {
class ServerCredentials;
}

namespace vllm_router::admin {

// Without a certificate: no TLS. The files are checked here, since gRPC would only fail each
// handshake; the error names the file. They are looked at again every `refresh`.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const net::ServerTlsFiles& files, base::Duration refresh);

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_SERVER_CREDENTIALS_H_
