#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <set>
#include <string>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/base/utf8.h"
#include "server/config/check.h"
#include "server/config/names.h"
#include "server/fleet/backend_url.h"

namespace vllm_router::config {
namespace {

constexpr size_t kMaxLabel = 128;
constexpr size_t kMaxInlineKey = 4096;
constexpr size_t kMaxPath = 4096;

bool EndsWith(std::string_view s, std::string_view end) {
  return s.size() >= end.size() && s.substr(s.size() - end.size()) == end;
}

void CheckUrl(const std::string& text, const Checker& check) {
  const absl::StatusOr<fleet::BackendUrl> url = fleet::ParseBackendUrl(text);
  if (!url.ok()) {
    check.Fail("url", std::string(base::StdView(url.status().message())));
  } else if (IsForbiddenHost(url->host)) {
    check.Fail("url", absl::StrFormat("'%s' is a link-local or metadata address; these are never "
                                      "allowed",
                                      base::Printable(url->host)));
  }
}

void CheckModels(const v1::Backend& backend, const Checker& check) {
  if (backend.models().empty()) check.Fail("models", "is empty: a backend serves at least one");
  std::set<std::string_view> names;
  for (int i = 0; i < backend.models_size(); ++i) {
    const v1::ServedModel& served = backend.models(i);
    const Checker in = check.In(absl::StrFormat("models[%d]", i));
    if (!IsModelName(served.model())) {
      in.Fail("model",
              absl::StrFormat("'%s' is no name of a model: 1 to 512 characters, no control "
                              "characters",
                              base::Printable(served.model())));
    } else if (!names.insert(served.model()).second) {
      in.Fail("model", absl::StrFormat("'%s' is listed twice", base::Printable(served.model())));
    }
    if (!served.alias().empty() && !IsModelName(served.alias())) {
      in.Fail("alias",
              absl::StrFormat("'%s' is no alias: 1 to 512 characters, no control characters",
                              base::Printable(served.alias())));
    } else if (!served.alias().empty() && !names.insert(served.alias()).second) {
      in.Fail("alias", absl::StrFormat("'%s' is listed twice", base::Printable(served.alias())));
    }
  }
}

void CheckKeyFile(const std::string& file, const CheckContext& context, const Checker& check) {
  if (context.secrets_dir.empty()) {
    check.Fail("api_key.file", "no file is allowed: the router was started without --secrets-dir");
    return;
  }
  const bool climbs = file.find("/../") != std::string::npos || EndsWith(file, "/..");
  const std::string directory =
      EndsWith(context.secrets_dir, "/") ? context.secrets_dir : context.secrets_dir + "/";
  if (climbs || file.size() > kMaxPath || file.compare(0, directory.size(), directory) != 0) {
    check.Fail("api_key.file", absl::StrFormat("'%s' does not lie below --secrets-dir %s",
                                               base::Printable(file), context.secrets_dir));
  }
}

void CheckApiKey(const v1::ApiKeySource& key, const CheckContext& context, const Checker& check) {
  switch (key.source_case()) {
    case v1::ApiKeySource::kFile:
      CheckKeyFile(key.file(), context, check);
      break;
    case v1::ApiKeySource::kEnvironmentVariable:
      if (!EndsWith(key.environment_variable(), "_API_KEY")) {
        check.Fail("api_key.environment_variable",
                   absl::StrFormat("'%s' is not allowed: its name has to end in _API_KEY",
                                   base::Printable(key.environment_variable())));
      }
      break;
    case v1::ApiKeySource::kInlineKey: {
      // The value stays out of the description.
      bool visible = !key.inline_key().empty() && key.inline_key().size() <= kMaxInlineKey;
      for (const char c : key.inline_key()) visible &= c > 0x20 && c < 0x7F;
      if (!visible) check.Fail("api_key.inline_key", "needs 1 to 4096 visible ASCII characters");
      break;
    }
    case v1::ApiKeySource::SOURCE_NOT_SET:
      check.Fail("api_key", "names no source: set file, environment_variable or inline_key");
      break;
  }
}

}  // namespace

bool IsForbiddenHost(std::string_view host) {
  static constexpr std::array<std::string_view, 3> kNames = {"metadata", "metadata.google.internal",
                                                             "instance-data"};
  for (const std::string_view name : kNames) {
    if (base::EqualsIgnoreCase(host, name)) return true;
  }
  const std::string text(host);
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) {
    // The metadata service of AWS, fd00:ec2::254.
    static constexpr std::array<uint8_t, 16> kEc2 = {0xfd, 0, 0x0e, 0xc2, 0, 0, 0,    0,
                                                     0,    0, 0,    0,    0, 0, 0x02, 0x54};
    if (IN6_IS_ADDR_LINKLOCAL(&v6) || std::equal(kEc2.begin(), kEc2.end(), v6.s6_addr)) return true;
    if (!IN6_IS_ADDR_V4MAPPED(&v6)) return false;
    std::copy_n(v6.s6_addr + 12, 4, reinterpret_cast<uint8_t*>(&v4));
  } else if (::inet_pton(AF_INET, text.c_str(), &v4) != 1) {
    return false;
  }
  return (ntohl(v4.s_addr) >> 16) == 0xA9FE;  // 169.254.0.0/16, RFC 3927
}

void CheckTls(const v1::TlsSettings& tls, const Checker& check) {
  if (tls.cert_file().empty() != tls.key_file().empty()) {
    check.Fail(tls.cert_file().empty() ? "cert_file" : "key_file",
               "cert_file and key_file go together: set both or none");
  }
}

void CheckDrain(const v1::DrainOptions& options, const Checker& check) {
  if (options.has_deadline()) check.Time("deadline", options.deadline(), 0, kForever);
  check.KnownEnum("on_deadline", options.on_deadline(),
                  v1::OnDrainDeadline_IsValid(options.on_deadline()));
}

void CheckBackend(const v1::Backend& backend, const CheckContext& context, const Checker& check) {
  const auto id = IdIn(kBackends, backend.name());
  if (!id || !IsId(*id)) {
    check.Fail("name",
               absl::StrFormat("'%s' is no name of a backend: backends/{id}, the id of 1 to "
                               "128 letters, digits, '.', '_' and '-'",
                               base::Printable(backend.name())));
  }
  CheckUrl(backend.url(), check);
  CheckModels(backend, check);
  check.KnownEnum("model_type", backend.model_type(), v1::ModelType_IsValid(backend.model_type()));
  if (backend.label().size() > kMaxLabel || !base::IsText(backend.label())) {
    check.Fail("label", "has to be UTF-8 of at most 128 characters, without control characters");
  }
  if (backend.has_weight()) check.Range("weight", backend.weight(), 1, 1000);
  if (backend.has_api_key()) CheckApiKey(backend.api_key(), context, check);
  if (backend.has_tls()) CheckTls(backend.tls(), check.In("tls"));
  check.KnownEnum("admin_state", backend.admin_state(),
                  v1::AdminState_IsValid(backend.admin_state()));
  check.KnownEnum("on_client_gone", backend.on_client_gone(),
                  v1::OnClientGone_IsValid(backend.on_client_gone()));
}

}  // namespace vllm_router::config
