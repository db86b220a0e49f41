#include "server/control/credentials.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <string>

#include "tests/support/replaced_file.h"
#include "tests/support/self_signed.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::control {
namespace {

using test::ReplacedFile;
using testing::HasSubstr;
using testing::Not;

v1::Backend WithKey(const std::string& source) {
  return config::Proto<v1::Backend>(R"(name: "backends/b" api_key { )" + source + " }");
}
v1::Backend WithKeyFile(const std::string& path) {
  v1::Backend backend;
  backend.set_name("backends/b");
  backend.mutable_api_key()->set_file(path);
  return backend;
}

class CredentialsTest : public testing::Test {
 protected:
  std::string KeyOf(const v1::Backend& backend) {
    fleet::BackendSpec spec;
    const auto failure = credentials_.Fill(backend, &spec);
    EXPECT_FALSE(failure) << failure->violations[0].description;
    return spec.api_key;
  }
  base::Violation Refused(const v1::Backend& backend) {
    fleet::BackendSpec spec;
    const auto failure = credentials_.Fill(backend, &spec);
    if (!failure || failure->violations.size() != 1) {
      ADD_FAILURE() << "not refused";
      return {};
    }
    EXPECT_EQ(failure->reason, "INVALID_FIELDS");
    EXPECT_EQ(spec.api_key, "");
    return failure->violations[0];
  }
  Credentials credentials_;
};

TEST_F(CredentialsTest, AKeyStandsInTheConfigurationInAFileOrInTheEnvironment) {
  EXPECT_EQ(KeyOf(config::Proto<v1::Backend>(R"(name: "backends/b")")), "");
  EXPECT_EQ(KeyOf(WithKey(R"(inline_key: "abc")")), "abc");
  ReplacedFile file("key");
  file.Write("from-file\r\n");
  EXPECT_EQ(KeyOf(WithKeyFile(file.path())), "from-file");
  ASSERT_EQ(::setenv("ROUTER_TEST_KEY", "from-environment", 1), 0);
  EXPECT_EQ(KeyOf(WithKey(R"(environment_variable: "ROUTER_TEST_KEY")")), "from-environment");
}

TEST_F(CredentialsTest, WhatIsNoKeyIsRefusedByItsPlaceAndNeverByItsValue) {
  ReplacedFile file("no_key");
  for (const std::string content : {"", "\n", "two\nlines", "with space", "caf\xC3\xA9"}) {
    file.Write(content);
    const base::Violation violation = Refused(WithKeyFile(file.path()));
    EXPECT_EQ(violation.field, "backends/b.api_key.file");
    EXPECT_THAT(violation.description, HasSubstr(file.path()));
    if (content.size() > 1) {
      EXPECT_THAT(violation.description, Not(HasSubstr(content)));
    }
  }
  ASSERT_EQ(::setenv("ROUTER_TEST_KEY", "two words", 1), 0);
  const base::Violation variable = Refused(WithKey(R"(environment_variable: "ROUTER_TEST_KEY")"));
  EXPECT_EQ(variable.field, "backends/b.api_key.environment_variable");
  EXPECT_THAT(variable.description, Not(HasSubstr("two words")));
  EXPECT_THAT(Refused(WithKey(R"(environment_variable: "ROUTER_TEST_NONE")")).description,
              HasSubstr("'ROUTER_TEST_NONE' is not set"));
}

TEST_F(CredentialsTest, AKeyFileIsAFileOfModestSize) {
  ReplacedFile file("long_key");
  file.Write(std::string(8192, 'k') + "\n");
  EXPECT_THAT(Refused(WithKeyFile(file.path())).description, HasSubstr("8192 bytes"))
      << "cut it would be another key";
  file.Write(std::string(8000, 'k') + "\n");
  EXPECT_EQ(KeyOf(WithKeyFile(file.path())).size(), 8000u);
  const test::TempDirectory directory;
  EXPECT_THAT(Refused(WithKeyFile(directory.path())).description, HasSubstr("cannot be read"));
  EXPECT_THAT(Refused(WithKeyFile(directory.path() + "/none")).description,
              HasSubstr("cannot be read"));
  const std::string pipe = directory.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(Refused(WithKeyFile(pipe)).description, HasSubstr("cannot be read"))
      << "nobody may ever write to it";
}

TEST_F(CredentialsTest, AChangedFileIsReadAgain) {
  ReplacedFile file("changed_key");
  file.Write("first");
  EXPECT_EQ(KeyOf(WithKeyFile(file.path())), "first");
  const uint64_t version = credentials_.version();
  EXPECT_FALSE(credentials_.Refresh());
  file.Write("second");
  EXPECT_TRUE(credentials_.Refresh());
  EXPECT_GT(credentials_.version(), version);
  EXPECT_EQ(KeyOf(WithKeyFile(file.path())), "second");
  EXPECT_FALSE(credentials_.Refresh());
  file.Write("second");  // another file with the same key
  EXPECT_FALSE(credentials_.Refresh());
}

TEST_F(CredentialsTest, WhatWasReadStaysWhileTheFileCannotBe) {
  ReplacedFile file("lost_key");
  file.Write("first");
  EXPECT_EQ(KeyOf(WithKeyFile(file.path())), "first");
  ASSERT_EQ(std::remove(file.path().c_str()), 0);
  EXPECT_FALSE(credentials_.Refresh());
  EXPECT_EQ(KeyOf(WithKeyFile(file.path())), "first");
  file.Write("not one\nkey");
  EXPECT_FALSE(credentials_.Refresh());
  EXPECT_EQ(KeyOf(WithKeyFile(file.path())), "first");
  file.Write("second");
  EXPECT_TRUE(credentials_.Refresh());
  EXPECT_EQ(KeyOf(WithKeyFile(file.path())), "second");
}

v1::Backend WithTls(const std::string& ca, const std::string& server_name) {
  v1::Backend backend;
  backend.set_name("backends/b");
  backend.mutable_tls()->set_ca_file(ca);
  backend.mutable_tls()->set_server_name(server_name);
  return backend;
}

TEST_F(CredentialsTest, CertificatesAreSharedAndReadAgain) {
  const test_support::SelfSigned one("one");
  const test_support::SelfSigned two("two");
  ReplacedFile ca("ca");
  ca.CopyOf(one.certificate);
  const auto fill = [&](const std::string& name) {
    fleet::BackendSpec spec;
    EXPECT_FALSE(credentials_.Fill(WithTls(ca.path(), name), &spec));
    EXPECT_EQ(spec.tls_server_name, name);
    return spec.tls;
  };
  const auto first = fill("a");
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(fill("b"), first) << "the name is a matter of the connection";
  ca.CopyOf(two.certificate);
  EXPECT_TRUE(credentials_.Refresh());
  const auto second = fill("a");
  EXPECT_NE(second, first);
  ca.Write("no certificate");
  EXPECT_FALSE(credentials_.Refresh());
  EXPECT_EQ(fill("a"), second);
  const base::Violation violation = Refused(WithTls(ca.path() + ".none", ""));
  EXPECT_EQ(violation.field, "backends/b.tls");
  EXPECT_THAT(violation.description, HasSubstr(ca.path() + ".none"));
}

}  // namespace
}  // namespace vllm_router::control
