// Keys and certificates that backends name but do not hold (ApiKeySource, TlsSettings): read when a
// configuration that names them is made into a snapshot, and again when their files change.
//
// What was read once stays in use while a file cannot be read any more; only a new name that cannot
// be read is refused. Values never appear in messages. Belongs to the control thread.
#ifndef SERVER_CONTROL_CREDENTIALS_H_
#define SERVER_CONTROL_CREDENTIALS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/router.pb.h"
#include "server/base/failure.h"
#include "server/fleet/backend.h"
#include "server/net/tls.h"

namespace vllm_router::control {

class Credentials {
 public:
  // Puts the backend's key and TLS settings into `spec`. INVALID_FIELDS when there is nothing to be
  // read where it says.
  std::optional<base::Failure> Fill(const v1::Backend& backend, fleet::BackendSpec* spec);
  // TLS settings towards a callback service, if there are any.
  std::optional<base::Failure> Fill(const v1::Callback& callback, net::TlsContext* tls);

  // Looks at the files again. True: something that was given out is another now, and version() has
  // moved.
  bool Refresh();
  uint64_t version() const { return version_; }

 private:
  using TlsPtr = std::shared_ptr<const net::TlsContext>;

  // What a file looked like when it was read.
  struct Look {
    std::string path;
    int64_t modified_ns = 0;
    int64_t bytes = -1;
    uint64_t inode = 0;
    friend bool operator==(const Look&, const Look&) = default;
  };
  static Look LookAt(const std::string& path);

  // Something that was read from files.
  template <typename Value>
  struct Read {
    std::vector<Look> files;
    Value value;
    // True when a file has changed since; then it is looked at anew from now on.
    bool Changed();
  };

  absl::StatusOr<std::string> KeyOf(const v1::ApiKeySource& source);
  absl::StatusOr<TlsPtr> TlsOf(const v1::TlsSettings& settings, bool http2);

  uint64_t version_ = 1;
  std::map<std::string, Read<std::string>> keys_;  // by path
  // By what is spoken and the settings, serialized.
  std::map<std::pair<bool, std::string>, Read<TlsPtr>> contexts_;
};

}  // namespace vllm_router::control

#endif  // SERVER_CONTROL_CREDENTIALS_H_
