#include "server/control/credentials.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/str_format.h"
#include "server/base/log.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::control {
namespace {

constexpr size_t kMaxKeyFile = 8u << 10;

bool IsKey(std::string_view key) {
  if (key.empty()) return false;
  for (const char c : key) {
    if (c <= 0x20 || c >= 0x7F) return false;
  }
  return true;
}

// One line, which may have an end.
absl::StatusOr<std::string> ReadKey(const std::string& path) {
  // A pipe would stop the control thread.
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return absl::NotFoundError("cannot be read");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxKeyFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) return absl::NotFoundError("cannot be read");
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxKeyFile) {
    return absl::InvalidArgumentError(
        absl::StrFormat("has more than the %d bytes that a key may have", kMaxKeyFile));
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (!IsKey(text)) {
    return absl::InvalidArgumentError("does not hold one line of visible ASCII characters");
  }
  return text;
}

}  // namespace

Credentials::Look Credentials::LookAt(const std::string& path) {
  struct stat look {};
  if (path.empty() || ::stat(path.c_str(), &look) != 0) return {.path = path};
  return {.path = path,
          .modified_ns = look.st_mtim.tv_sec * 1'000'000'000 + look.st_mtim.tv_nsec,
          .bytes = look.st_size,
          .inode = look.st_ino};
}

template <typename Value>
bool Credentials::Read<Value>::Changed() {
  bool changed = false;
  for (Look& file : files) {
    const Look now = LookAt(file.path);
    changed |= now != file;
    file = now;
  }
  return changed;
}

absl::StatusOr<std::string> Credentials::KeyOf(const v1::ApiKeySource& source) {
  switch (source.source_case()) {
    case v1::ApiKeySource::kInlineKey:
      return source.inline_key();
    case v1::ApiKeySource::kFile: {
      if (const auto known = keys_.find(source.file()); known != keys_.end()) {
        return known->second.value;
      }
      const Look look = LookAt(source.file());
      ROUTER_ASSIGN_OR_RETURN(std::string key, ReadKey(source.file()));
      keys_[source.file()] = {{look}, key};
      return key;
    }
    case v1::ApiKeySource::kEnvironmentVariable: {
      const char* key = std::getenv(source.environment_variable().c_str());  // NOLINT: never set
      if (key == nullptr) return absl::NotFoundError("is not set");
      if (!IsKey(key)) return absl::InvalidArgumentError("is not made of visible ASCII characters");
      return std::string(key);
    }
    case v1::ApiKeySource::SOURCE_NOT_SET:
      break;
  }
  return std::string();
}

std::optional<base::Failure> Credentials::Fill(const v1::Backend& backend,
                                               fleet::BackendSpec* spec) {
  absl::StatusOr<std::string> key = KeyOf(backend.api_key());
  if (!key.ok()) {
    const bool file = backend.api_key().has_file();
    return base::InvalidField(
        absl::StrFormat("%s.api_key.%s", backend.name(), file ? "file" : "environment_variable"),
        absl::StrFormat("'%s' %s",
                        base::Printable(file ? backend.api_key().file()
                                             : backend.api_key().environment_variable()),
                        key.status().message()));
  }
  spec->api_key = *std::move(key);
  if (!backend.has_tls()) return std::nullopt;
  absl::StatusOr<TlsPtr> tls = TlsOf(backend.tls(), /*http2=*/false);
  if (!tls.ok()) {
    return base::InvalidField(backend.name() + ".tls",
                              std::string(base::StdView(tls.status().message())));
  }
  spec->tls = *std::move(tls);
  spec->tls_server_name = backend.tls().server_name();
  return std::nullopt;
}

std::optional<base::Failure> Credentials::Fill(const v1::Callback& callback, net::TlsContext* tls) {
  if (!callback.has_tls()) return std::nullopt;
  const absl::StatusOr<TlsPtr> made = TlsOf(callback.tls(), /*http2=*/true);
  if (!made.ok()) {
    return base::InvalidField(callback.name() + ".tls",
                              std::string(base::StdView(made.status().message())));
  }
  *tls = **made;
  return std::nullopt;
}

namespace {

net::ClientTlsFiles FilesOf(const v1::TlsSettings& settings, bool http2) {
  return {.ca = settings.ca_file(),
          .certificate = settings.cert_file(),
          .key = settings.key_file(),
          .insecure_skip_verify = settings.insecure_skip_verify(),
          .http2 = http2};
}

}  // namespace

absl::StatusOr<Credentials::TlsPtr> Credentials::TlsOf(const v1::TlsSettings& settings,
                                                       bool http2) {
  v1::TlsSettings shared = settings;
  shared.clear_server_name();  // a matter of the connection, not of the context
  const std::pair name(http2, shared.SerializeAsString());
  if (const auto known = contexts_.find(name); known != contexts_.end()) {
    return known->second.value;
  }
  std::vector<Look> files;
  for (const std::string& path : {settings.ca_file(), settings.cert_file(), settings.key_file()}) {
    if (!path.empty()) files.push_back(LookAt(path));
  }
  ROUTER_ASSIGN_OR_RETURN(net::TlsContext context, net::MakeClientTls(FilesOf(settings, http2)));
  auto made = std::make_shared<const net::TlsContext>(std::move(context));
  contexts_[name] = {std::move(files), made};
  return made;
}

bool Credentials::Refresh() {
  bool changed = false;
  for (auto& [path, read] : keys_) {
    if (!read.Changed()) continue;
    absl::StatusOr<std::string> key = ReadKey(path);
    if (!key.ok()) {
      ROUTER_LOG(kError, "key file '%s' %s: the key that was read before stays in use", path,
                 key.status().message());
    } else if (*key != read.value) {
      read.value = *std::move(key);
      changed = true;
      ROUTER_LOG(kInfo, "key file '%s': read again, in force from now on", path);
    }
  }
  for (auto& [name, read] : contexts_) {
    if (!read.Changed()) continue;
    v1::TlsSettings settings;
    settings.ParseFromString(name.second);
    const char* const towards = name.first ? "callback service" : "backend";
    absl::StatusOr<net::TlsContext> context = net::MakeClientTls(FilesOf(settings, name.first));
    if (!context.ok()) {
      ROUTER_LOG(kError, "certificates towards a %s: what was read before stays in use: %s",
                 towards, context.status().message());
      continue;
    }
    read.value = std::make_shared<const net::TlsContext>(*std::move(context));
    changed = true;
    ROUTER_LOG(kInfo, "certificates towards a %s: read again, in force from now on", towards);
  }
  if (changed) ++version_;
  return changed;
}

}  // namespace vllm_router::control
