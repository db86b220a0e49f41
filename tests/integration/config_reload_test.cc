// The configuration file as one more writer of the configuration, while the router runs.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"
#include "tests/support/replaced_file.h"
#include "tests/support/temp_directory.h"

namespace vllm_router::test {
namespace {

class ConfigReload : public AdminTest {
 protected:
  // The file's text: all that a router needs, and `more`.
  static std::string Text(const std::string& backends, const std::string& more = "",
                          const std::string& logic = "roundrobin") {
    return absl::StrFormat(
        "host: 127.0.0.1\nport: 0\nservice_discovery: static\nrouting_logic: %s\n"
        "drain_delay_seconds: 0\nadmin_address: \"127.0.0.1:0\"\n"
        "static_models:\n  m:\n    static_backends: [%s]\n%s",
        logic, backends, more);
  }
  void Start(const std::vector<std::string>& flags = {}) {
    std::vector<std::string> all = {"--dynamic-config-yaml", file_.path()};
    all.insert(all.end(), flags.begin(), flags.end());
    process_ = std::make_unique<RouterProcess>(all, /*defaults=*/false);
    ASSERT_TRUE(process_->WaitUntilReady());
    const auto line = process_->WaitForLog("Admin service listens on ");
    ASSERT_TRUE(line);
    const size_t begin = line->find(" on ") + 4;
    ClientOptions options;
    options.address = line->substr(begin, line->find(' ', begin) - begin);
    auto client = Client::Create(options);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }
  // Writes a text that can be taken and waits until it is in effect.
  void Take(const std::string& text) {
    const size_t before = process_->CountLog("configuration file: read again");
    file_.Write(text);
    const auto until = std::chrono::steady_clock::now() + RouterProcess::kPatience;
    while (process_->CountLog("configuration file: read again") == before) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << "the file was not taken";
    }
  }
  int StatusOf(const std::string& request) {
    TestClient client(process_->port(), {});
    return client.Send(request).Response().head.status;
  }
  std::string Health() {
    TestClient client(process_->port(), {});
    return client.Send("GET /health HTTP/1.1\r\nHost: r\r\n\r\n").Response().body;
  }
  v1::Config Configuration() { return client_->GetConfig({})->config(); }
  v1::LiveFile FileStatus() {
    const auto info = client_->GetServerInfo({});
    for (const v1::LiveFile& file : info->live_files()) {
      if (file.what() == "configuration file") return file;
    }
    ADD_FAILURE() << "the configuration file is not among the live files";
    return {};
  }

  ReplacedFile file_{"reload"};
  std::unique_ptr<RouterProcess> process_;
};

TEST_F(ConfigReload, AChangedFileTakesEffectWithoutARestart) {
  FakeEngine& first = AddEngine();
  FakeEngine& second = AddEngine();
  file_.Write(Text(first.url()));
  Start();
  EXPECT_THAT(Health(), HasSubstr(R"("routing_logic":"roundrobin")"));
  EXPECT_EQ(StatusOf(Chat("", "alias")), 404);

  Take(Text(first.url() + ", " + second.url(),
            "session_key: x-user-id\nstatic_aliases: {alias: m}\n", "session"));
  EXPECT_EQ(client_->GetServerInfo({})->generation(), 2u) << "one change";
  const v1::Config config = Configuration();
  ASSERT_EQ(config.backends_size(), 2);
  EXPECT_EQ(config.backends(1).source(), v1::BACKEND_SOURCE_FILE);
  EXPECT_TRUE(config.routing_policies(0).has_session());
  EXPECT_EQ(StatusOf(Chat("", "alias")), 200);
  for (int i = 0; i < 32; ++i) {
    EXPECT_EQ(StatusOf(Chat(absl::StrFormat("x-user-id: user-%d\r\n", i))), 200);
  }
  EXPECT_GT(second.counters().requests_begun, 0u) << "the new backend gets traffic";
  const std::string health = Health();
  EXPECT_THAT(health, HasSubstr(R"("routing_logic":"session")"));
  EXPECT_THAT(health, HasSubstr(R"("session_key":"x-user-id")"));

  Take(Text(second.url()));
  EXPECT_EQ(Configuration().backends_size(), 1);
  EXPECT_EQ(StatusOf(Chat("", "alias")), 404);
  EXPECT_TRUE(process_->AllInFlightZero());
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->WaitForExit(), 0);
}

TEST_F(ConfigReload, AFileThatCannotBeTakenChangesNothing) {
  FakeEngine& first = AddEngine();
  file_.Write(Text(first.url()));
  Start();
  file_.Write(Text(first.url(), "max_header: 5\nmax_headers: 50\n"));
  EXPECT_TRUE(process_->WaitForLog("configuration file: what was in force stays:.*'max_header'"));
  EXPECT_EQ(client_->GetServerInfo({})->generation(), 1u);
  EXPECT_TRUE(process_->WaitForMetric("vllm_router_file_errors_total", 1));
  EXPECT_GT(process_->Metric("vllm_router_file_last_success_timestamp_seconds"), 1e9);
  const v1::LiveFile status = FileStatus();
  EXPECT_EQ(status.errors(), 1u);
  EXPECT_THAT(status.last_error(), HasSubstr("max_header"));
  EXPECT_EQ(StatusOf(Chat()), 200);

  file_.Write(Text(first.url(), "shards: 3\n"));
  EXPECT_TRUE(process_->WaitForLog("what was in force stays:.*needs a restart"));
  Take(Text(first.url(), "max_headers: 50\n"));
  EXPECT_EQ(FileStatus().last_error(), "");
  EXPECT_EQ(FileStatus().errors(), 2u);
  EXPECT_EQ(client_->GetLimits({})->limits().max_headers(), 50u);
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->WaitForExit(), 0);
}

TEST_F(ConfigReload, WhatTheAdminApiHasChangedBesideItStays) {
  FakeEngine& first = AddEngine();
  FakeEngine& second = AddEngine();
  file_.Write(Text(first.url(), "max_headers: 40\n"));
  Start();
  ASSERT_TRUE(Apply("mutations { update_limits { max_header_bytes: 20000 } "
                    "update_mask { paths: \"max_header_bytes\" } }" +
                    AddBackend(second, "mine"))
                  .ok());
  Take(Text(first.url(), "max_headers: 50\n"));
  const v1::Config config = Configuration();
  EXPECT_EQ(config.limits().max_headers(), 50u);
  EXPECT_EQ(config.limits().max_header_bytes(), 20000u);
  ASSERT_EQ(config.backends_size(), 2) << "the file speaks of its own backends only";

  v1::DeleteBackendRequest remove;
  remove.mutable_deletion()->set_name(config.backends(0).name());
  EXPECT_EQ(ErrorReason(client_->DeleteBackend(remove).status()), "SOURCE_OWNED");
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->WaitForExit(), 0);
}

TEST_F(ConfigReload, ABackendOfTheCommandLineThatWasDeletedStaysDeleted) {
  AddEngine();
  AddEngine();
  file_.Write("max_headers: 40\n");
  StartAdmin({"--dynamic-config-yaml", file_.path()});
  v1::DeleteBackendRequest remove;
  remove.mutable_deletion()->set_name(BackendName(1));
  ASSERT_TRUE(admin().DeleteBackend(remove).ok());
  ASSERT_TRUE(WaitUntilGone(remove.deletion().name()));
  file_.Write("max_headers: 50\n");
  ASSERT_TRUE(router().WaitForLog("configuration file: read again"));
  EXPECT_EQ(admin().GetLimits({})->limits().max_headers(), 50u);
  EXPECT_EQ(admin().GetConfig({})->config().backends_size(), 1);
}

TEST_F(ConfigReload, ARestartWithKeptStateDeclaresTheBackendsOfTheFileAnew) {
  FakeEngine& first = AddEngine();
  FakeEngine& second = AddEngine();
  const TempDirectory state;
  file_.Write(Text(first.url()));
  Start({"--state-dir", state.path()});
  ASSERT_TRUE(Apply("mutations { update_limits { max_headers: 50 } "
                    "update_mask { paths: \"max_headers\" } }")
                  .ok());
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->WaitForExit(), 0);
  file_.Write(Text(second.url()));
  Start({"--state-dir", state.path()});
  const v1::Config config = Configuration();
  ASSERT_EQ(config.backends_size(), 1);
  EXPECT_EQ(config.backends(0).url(), second.url());
  EXPECT_EQ(config.limits().max_headers(), 50u);
  EXPECT_EQ(StatusOf(Chat()), 200);
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->WaitForExit(), 0);
}

}  // namespace
}  // namespace vllm_router::test
