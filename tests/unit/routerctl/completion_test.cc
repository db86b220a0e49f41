// Completion scripts: their commands, and what bash, which every Debian has, makes of its own.
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/routerctl/run_command.h"

namespace vllm_router::routerctl {
namespace {

using ::testing::HasSubstr;

// What `script` prints in `shell`; begins with "FAILED" when its status is not 0.
std::string Shell(const std::string& shell, const std::string& script) {
  const std::string path = testing::TempDir() + "/complete_" + std::to_string(::getpid());
  std::ofstream(path) << script;
  std::FILE* pipe = ::popen((shell + " " + path + " 2>&1").c_str(), "r");
  std::string output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  const int status = ::pclose(pipe);
  ::unlink(path.c_str());
  return status == 0 ? output : "FAILED " + output;
}

std::string BashOffers(const std::string& words) {
  return Shell("bash", RunIn({}, {"completion", "bash"}).out + "COMP_WORDS=(routerctl " + words +
                           ")\nCOMP_CWORD=$((${#COMP_WORDS[@]}-1))\n_routerctl\n"
                           "echo \"${COMPREPLY[*]}\"\n");
}

TEST(Completion, KnowsTheCommandsInEachShell) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const Outcome script = RunIn({}, {"completion", shell});
    EXPECT_EQ(script.code, 0);
    EXPECT_THAT(script.out, HasSubstr("undrain"));
  }
}

TEST(Completion, OffersWhatMayFollow) {
  EXPECT_EQ(Shell("bash -n", RunIn({}, {"completion", "bash"}).out), "");
  EXPECT_EQ(BashOffers("back"), "backends\n");
  EXPECT_EQ(BashOffers("-o json backends dr"), "drain\n");
  EXPECT_EQ(BashOffers("backends drain --on-deadline ''"), "wait abort release\n");
  EXPECT_EQ(BashOffers("config rollback --conf"), "--confirm-within\n");
}

TEST(Completion, RefusesAnUnknownShell) {
  const Outcome outcome = RunIn({}, {"completion", "tcsh"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("bash, zsh or fish"));
}

}  // namespace
}  // namespace vllm_router::routerctl
