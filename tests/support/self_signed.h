// A certificate that is its own authority, for 127.0.0.1 and localhost, made anew for each test.
// Whoever includes this links OpenSSL::SSL.
#ifndef TESTS_SUPPORT_SELF_SIGNED_H_
#define TESTS_SUPPORT_SELF_SIGNED_H_

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace vllm_router::test_support {

// Two PEM files in the test's temporary directory, removed at the end.
class SelfSigned {
 public:
  explicit SelfSigned(const std::string& name = "test")
      : certificate(testing::TempDir() + "/" + name + "_" + Unique() + "_cert.pem"),
        key(testing::TempDir() + "/" + name + "_" + Unique() + "_key.pem") {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_EC_gen("P-256"),
                                                                   EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), X509_free);
    X509_set_version(x509.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
    X509_set_pubkey(x509.get(), pair.get());
    X509_NAME* subject = X509_get_subject_name(x509.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x509.get(), subject);
    AddExtension(x509.get(), NID_basic_constraints, "critical,CA:TRUE");
    AddExtension(x509.get(), NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    X509_sign(x509.get(), pair.get(), EVP_sha256());
    Write(certificate, [&](std::FILE* file) { PEM_write_X509(file, x509.get()); });
    Write(key, [&](std::FILE* file) {
      PEM_write_PrivateKey(file, pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  ~SelfSigned() {
    std::remove(certificate.c_str());
    std::remove(key.c_str());
  }
  SelfSigned(const SelfSigned&) = delete;
  SelfSigned& operator=(const SelfSigned&) = delete;

  const std::string certificate;
  const std::string key;

 private:
  std::string Unique() const {
    return std::to_string(reinterpret_cast<uintptr_t>(this)) + "_" + std::to_string(::getpid());
  }

  static void AddExtension(X509* x509, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
  }

  template <typename WriteTo>
  static void Write(const std::string& path, WriteTo write_to) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr) << path;
    write_to(file);
    std::fclose(file);
  }
};

}  // namespace vllm_router::test_support

#endif  // TESTS_SUPPORT_SELF_SIGNED_H_
