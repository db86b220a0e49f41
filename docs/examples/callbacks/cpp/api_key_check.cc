/* Lets requests pass whose API key is known, and tells everybody behind it whose key it is.

       api_key_check ADDRESS KEYS

   KEYS has a line for each key, as the router's own --api-keys-file has: a name, and the key's
   SHA-256.

       printf 'acme %s\n' "$(printf %s "$KEY" | sha256sum | cut -d' ' -f1)" >> keys
       api_key_check unix:/run/vllm-router/api-keys.sock keys

       routerctl callbacks register api-keys unix:/run/vllm-router/api-keys.sock \
           --hook pre-request --order -10 --failure-mode fail-closed \
           --forward-header authorization --allow-credentials true
*/
#include <openssl/sha.h>

#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "callback_messages.h"
#include "serve.h"
#include "vllm_router/callback_server.h"

namespace {

namespace v1 = vllm_router::v1;

std::string Sha256(const std::string& text) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return absl::BytesToHexString(digest);
}

class ApiKeyCheck final : public vllm_router::CallbackService {
 public:
  // False when the file cannot be read or holds a line that names no key.
  bool Load(const std::string& path) {
    std::ifstream file(path);
    if (!file) return false;
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string name;
      std::string digest;
      if (!(words >> name) || name[0] == '#') continue;
      if (!(words >> digest) || digest.size() != Sha256("").size()) return false;
      names_[absl::AsciiStrToLower(digest)] = name;
    }
    return true;
  }

  absl::StatusOr<v1::PreRequestResponse> PreRequest(const v1::PreRequestRequest& call) override {
    const std::string authorization = HeaderOf(call.request(), "authorization");
    const auto known =
        absl::StartsWithIgnoreCase(authorization, "bearer ")
            // Digests are compared: how long that takes tells nothing about the keys.
            ? names_.find(Sha256(authorization.substr(sizeof("bearer"))))
            : names_.end();
    if (known == names_.end()) {
      return OpenAiError(401, "invalid_api_key", "Incorrect API key provided.");
    }
    v1::PreRequestResponse response;
    // Set, so that nobody can name a tenant by himself; the key goes no further.
    v1::HeaderMutation* tenant = response.mutable_proceed()->add_header_mutations();
    tenant->set_name("x-tenant");
    tenant->set_value(known->second);
    v1::HeaderMutation* key = response.mutable_proceed()->add_header_mutations();
    key->set_action(v1::HeaderMutation::ACTION_REMOVE);
    key->set_name("authorization");
    return response;
  }

 private:
  std::map<std::string, std::string> names_;  // by digest in hex
};

}  // namespace

int main(int argc, char** argv) {
  ApiKeyCheck check;
  if (argc != 3 || !check.Load(argv[2])) {
    std::cerr << "usage: api_key_check ADDRESS KEYS (lines of a name and a SHA-256)\n";
    return 2;
  }
  return Serve(argv[1], &check);
}
