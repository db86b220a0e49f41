#include "server/store/checksum.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace vllm_router::store {
namespace {

class Digest {
 public:
  // `kind` keeps the checksum of one kind of row from fitting another.
  explicit Digest(std::string_view kind) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
    Add(kind);
  }

  void Add(uint64_t number) {
    std::array<unsigned char, 8> bytes;
    for (unsigned char& byte : bytes) {
      byte = static_cast<unsigned char>(number);
      number >>= 8;
    }
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }

  void Add(std::string_view text) {
    Add(uint64_t{text.size()});
    EVP_DigestUpdate(context_.get(), text.data(), text.size());
  }

  std::string Finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), bytes.data(), &size);
    return std::string(bytes.begin(), bytes.begin() + size);
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string ChecksumOf(const Revision& revision) {
  Digest digest("revision");
  digest.Add(revision.generation);
  digest.Add(static_cast<uint64_t>(revision.create_time_ns));
  digest.Add(revision.meta);
  digest.Add(revision.config);
  return digest.Finish();
}

std::string ChecksumOf(const Pending& pending) {
  Digest digest("pending");
  digest.Add(pending.base);
  digest.Add(pending.record);
  return digest.Finish();
}

}  // namespace vllm_router::store
