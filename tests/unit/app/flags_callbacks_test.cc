// The three forms of --callbacks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_format.h"
#include "tests/unit/app/parse.h"

namespace vllm_router::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CallbacksFlag, TakesAService) {
  for (const std::string target :
       {"127.0.0.1:9000", "guard.internal:9000", "[::1]:9000", "unix:/run/guard.sock", "guard:1"}) {
    const StartRouter start = StartOf(MinimalAnd({"--callbacks", target}));
    EXPECT_THAT(start.warnings, IsEmpty()) << target;
    EXPECT_EQ(start.config.callbacks.target, target);
    EXPECT_EQ(start.config.callbacks.handler, "");
  }
}

TEST(CallbacksFlag, TakesAPythonHandler) {
  for (const std::string handler : {"my_callbacks.my_callback_handler_instance", "a.b.inst",
                                    "my-callbacks.inst", "_1.x", "zustände.größe", "a.2b.c"}) {
    const StartRouter start = StartOf(MinimalAnd({"--callbacks", handler}));
    EXPECT_THAT(start.warnings, IsEmpty()) << handler;
    EXPECT_EQ(start.config.callbacks.handler, handler);
    EXPECT_EQ(start.config.callbacks.target, "");
    EXPECT_EQ(start.config.callbacks.python, "python3");
  }
}

TEST(CallbacksFlag, AsksForNothingWhenEmpty) {
  const StartRouter start = StartOf(MinimalAnd({"--callbacks", ""}));
  EXPECT_THAT(start.warnings, IsEmpty());
  EXPECT_EQ(start.config.callbacks.target + start.config.callbacks.handler, "");
}

TEST(CallbacksFlag, RefusesWhatIsNeither) {
  for (const std::string value :
       {"handler", "10.0.0.5", "localhost", ".handler", "a..b", "a.", "a b.c", "a.b,c.d", "a.b-c",
        "-.x", "a.b()", "guard.example.2com"}) {
    EXPECT_EQ(ErrorOf(MinimalAnd({"--callbacks=" + value})),
              absl::StrFormat("--callbacks '%s' is not allowed: give HOST:PORT, [IPV6]:PORT, "
                              "unix:/PATH or MODULE.INSTANCE",
                              value));
  }
  EXPECT_EQ(ErrorOf(MinimalAnd({"--callbacks", "a.b\x1b"})),
            "--callbacks 'a.b\\x1b' is not allowed: give HOST:PORT, [IPV6]:PORT, unix:/PATH or "
            "MODULE.INSTANCE");
}

TEST(CallbacksFlag, RefusesAServiceThatIsNone) {
  constexpr std::string_view kEnd = "; a Python handler is given as MODULE.INSTANCE";
  for (const std::string value : {"guard:", "guard:http", "http://guard:9000", "my/callbacks.py",
                                  "::1", "guard:9000,other:9000", "guard:70000"}) {
    EXPECT_EQ(
        ErrorOf(MinimalAnd({"--callbacks", value})),
        absl::StrFormat("--callbacks '%s' is no target: host:port, [ipv6]:port or unix:/path%s",
                        value, kEnd));
  }
  EXPECT_EQ(ErrorOf(MinimalAnd({"--callbacks", "unix:guard.sock"})),
            absl::StrFormat("--callbacks 'unix:guard.sock' needs an absolute path of at most 107 "
                            "bytes after unix:%s",
                            kEnd));
  EXPECT_EQ(ErrorOf(MinimalAnd({"--callbacks", "169.254.169.254:80"})),
            absl::StrFormat("--callbacks '169.254.169.254' is a link-local or metadata address; "
                            "these are never allowed%s",
                            kEnd));
}

TEST(CallbacksPythonFlag, IsForHandlers) {
  const StartRouter start =
      StartOf(MinimalAnd({"--callbacks", "a.b", "--callbacks-python", "/venv/bin/python"}));
  EXPECT_THAT(start.warnings, IsEmpty());
  EXPECT_EQ(start.config.callbacks.python, "/venv/bin/python");
  EXPECT_THAT(StartOf(MinimalAnd({"--callbacks-python", "python3.12"})).warnings,
              ElementsAre("--callbacks-python has no effect without --callbacks MODULE.INSTANCE"));
  EXPECT_EQ(ErrorOf(MinimalAnd({"--callbacks", "a.b", "--callbacks-python="})),
            "--callbacks-python '' is not allowed: give a name or a path, such as python3");
}

// As argparse takes it, and charts may have it.
TEST(CallbacksPythonFlag, LeavesTheOriginalItsPrefixes) {
  const StartRouter start = StartOf(MinimalAnd({"--callback", "a.b"}));
  EXPECT_EQ(start.config.callbacks.handler, "a.b");
}

}  // namespace
}  // namespace vllm_router::app
