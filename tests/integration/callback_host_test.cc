// --callbacks MODULE.INSTANCE with the real router and a stand-in for the bundled host: the same
// command line, status and signals, without gRPC.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"
#include "tests/support/replaced_file.h"
#include "tests/support/temp_directory.h"

namespace vllm_router::test {
namespace {

namespace fs = std::filesystem;
using ::testing::MatchesRegex;

constexpr std::string_view kHost = R"py(
import argparse, importlib, json, os, signal, socket, sys, traceback

parser = argparse.ArgumentParser()
for name in ("listen", "instance", "status-fd"):
    parser.add_argument("--" + name, required=True)
options = parser.parse_args()
module, _, attribute = options.instance.rpartition(".")

def say(**status):
    with os.fdopen(int(options.status_fd), "w") as out:
        print(json.dumps(status), file=out)

try:
    handler = getattr(importlib.import_module(module), attribute)
except Exception as error:
    traceback.print_exc()
    say(ready=False, module=module, attribute=attribute,
        message=traceback.format_exception_only(type(error), error)[-1].strip())
    sys.exit(3)
path = options.listen[len("unix:"):]
if os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()

def stop(*_):
    os.unlink(path)
    os._exit(0)

signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, signal.SIG_IGN)
say(ready=True, pre_request="pre" in handler, post_request="post" in handler)
sys.stdin.read()
stop()
)py";

class CallbackHostTest : public AdminTest {
 protected:
  void SetUp() override {
    ::setenv("PYTHONPATH", directory_.path().c_str(), 1);
    ::setenv("XDG_RUNTIME_DIR", directory_.path().c_str(), 1);
    fs::create_directories(directory_.path() + "/vllm_router/callback_host");
    Write("vllm_router/__init__.py", "");
    Write("vllm_router/callback_host/__init__.py", "");
    Write("vllm_router/callback_host/__main__.py", kHost);
    Write("my_callbacks.py", "print('imported')\nhandler = ['pre', 'post']\n");
    AddEngine();
  }
  void TearDown() override {
    ::unsetenv("PYTHONPATH");
    ::unsetenv("XDG_RUNTIME_DIR");
  }

  void Write(const std::string& name, std::string_view text) {
    std::ofstream(directory_.path() + "/" + name) << text;
  }
  void StartWithHandler(std::vector<std::string> flags = {}) {
    flags.insert(flags.end(), {"--callbacks", "my_callbacks.handler"});
    StartAdmin(std::move(flags));
  }
  // The router's last word when it does not start.
  std::string Refusal(const std::vector<std::string>& flags) {
    std::vector<std::string> all = {"--static-backends", engine(0).url(), "--static-models", "m"};
    all.insert(all.end(), flags.begin(), flags.end());
    refused_ = std::make_unique<RouterProcess>(std::move(all));
    EXPECT_EQ(refused_->WaitForExit(), 2);
    const std::vector<std::string> log = refused_->ErrorLog();
    return log.empty() ? "" : log.back();
  }
  // Of the n-th host that was started, from 1.
  pid_t HostPid(size_t number = 1) {
    const std::regex started("callback host ([0-9]+) started for 'my_callbacks.handler'");
    pid_t pid = 0;
    EXPECT_TRUE(Eventually([&] {
      size_t seen = 0;
      for (const std::string& line : router().Log()) {
        std::smatch match;
        if (std::regex_search(line, match, started) && ++seen == number) pid = std::stoi(match[1]);
      }
      return pid != 0;
    }));
    return pid;
  }
  // Whether the process is there, and more than a zombie.
  static bool Lives(pid_t pid) {
    std::ifstream file(absl::StrFormat("/proc/%d/stat", pid));
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const size_t behind = text.rfind(')');
    return behind != std::string::npos && text.at(behind + 2) != 'Z';
  }
  v1::Callback Registered() {
    const auto config = admin().GetConfig({});
    EXPECT_TRUE(config.ok()) << config.status();
    if (!config.ok() || config->config().callbacks_size() != 1) return {};
    return config->config().callbacks(0);
  }
  // Whether somebody takes connections at "unix:/path".
  static bool Listens(const std::string& target) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    target.copy(address.sun_path, sizeof(address.sun_path) - 1, std::string("unix:").size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const bool listens =
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    ::close(fd);
    return listens;
  }
  void Stop() {
    router().Signal(SIGTERM);
    EXPECT_EQ(router().WaitForExit(), 0);
  }

  TempDirectory directory_;
  std::unique_ptr<RouterProcess> refused_;
};

TEST_F(CallbackHostTest, LivesAsLongAsTheRouter) {
  StartWithHandler();
  const pid_t host = HostPid();
  const v1::Callback callback = Registered();
  EXPECT_EQ(callback.name(), "callbacks/flag");
  EXPECT_TRUE(Listens(callback.target())) << callback.target();
  EXPECT_EQ(callback.hook_points_size(), 2);
  EXPECT_EQ(callback.failure_mode(), v1::FAILURE_MODE_FAIL_CLOSED);
  EXPECT_EQ(callback.request_body_mode(), v1::BODY_MODE_FULL);
  EXPECT_EQ(callback.response_body_mode(), v1::BODY_MODE_FULL);
  EXPECT_EQ(callback.pre_deadline().seconds(), 60);
  EXPECT_TRUE(callback.header_rules().allow_credentials());
  EXPECT_TRUE(router().WaitForLog(absl::StrFormat("INFO: callback host %d: imported ", host)));
  EXPECT_TRUE(Lives(host));
  Stop();
  EXPECT_FALSE(Lives(host));
  EXPECT_EQ(router().CountLog(absl::StrFormat("callback host %d has ended (exit status 0)", host)),
            1u);
  EXPECT_FALSE(fs::exists(fs::path(callback.target().substr(5)).parent_path()));
}

TEST_F(CallbackHostTest, IsReadyBeforeThePortOpens) {
  StartWithHandler();
  const std::vector<std::string> log = router().Log();
  const auto place = [&](std::string_view text) {
    return std::find_if(log.begin(), log.end(), [&](const std::string& line) {
      return line.find(text) != std::string::npos;
    });
  };
  ASSERT_NE(place("is ready after"), log.end());
  EXPECT_LT(place("is ready after"), place("serves on http"));
}

TEST_F(CallbackHostTest, RegistersOnlyTheHooksThatThereAre) {
  Write("my_callbacks.py", "handler = ['post']\n");
  StartWithHandler();
  const v1::Callback callback = Registered();
  ASSERT_EQ(callback.hook_points_size(), 1);
  EXPECT_EQ(callback.hook_points(0), v1::HOOK_POINT_POST_REQUEST);
}

TEST_F(CallbackHostTest, AnImportErrorStopsTheStart) {
  Write("my_callbacks.py", "import no_such_module\n");
  EXPECT_EQ(Refusal({"--callbacks", "my_callbacks.handler"}),
            "vllm-router: --callbacks 'my_callbacks.handler': cannot load 'handler' of module "
            "'my_callbacks': ModuleNotFoundError: No module named 'no_such_module'");
  EXPECT_TRUE(refused_->WaitForLog("callback host [0-9]+: Traceback"));
  EXPECT_TRUE(refused_->WaitForLog("my_callbacks.py\", line 1, in <module>"));
  EXPECT_EQ(refused_->CountLog("serves on"), 0u);
}

TEST_F(CallbackHostTest, AMissingAttributeStopsTheStart) {
  EXPECT_EQ(Refusal({"--callbacks", "my_callbacks.hander"}),
            "vllm-router: --callbacks 'my_callbacks.hander': cannot load 'hander' of module "
            "'my_callbacks': AttributeError: module 'my_callbacks' has no attribute 'hander'");
}

TEST_F(CallbackHostTest, AHandlerWithoutHooksStopsTheStart) {
  Write("my_callbacks.py", "handler = []\n");
  EXPECT_THAT(Refusal({"--callbacks", "my_callbacks.handler"}),
              HasSubstr("it has neither pre_request nor post_request"));
}

TEST_F(CallbackHostTest, SaysWhatIsToBeInstalled) {
  fs::remove_all(directory_.path() + "/vllm_router");
  EXPECT_THAT(
      Refusal({"--callbacks", "my_callbacks.handler"}),
      MatchesRegex("vllm-router: --callbacks 'my_callbacks.handler': it ended before it was "
                   "ready .exit status 1.; its last line: .*No module named .*vllm_router.*"
                   ". Install the router's package for that Python .pip install "
                   "./client/python., or name another Python with --callbacks-python"));
  EXPECT_EQ(
      Refusal({"--callbacks", "my_callbacks.handler", "--callbacks-python", "/no/such/python"}),
      "vllm-router: --callbacks-python '/no/such/python': cannot start '/no/such/python': No such "
      "file or directory. Install Python 3, or name one with --callbacks-python");
}

TEST_F(CallbackHostTest, IsStartedAgainWhenItWasKilled) {
  StartWithHandler();
  const v1::Callback callback = Registered();
  ASSERT_EQ(::kill(HostPid(), SIGKILL), 0);
  EXPECT_TRUE(
      router().WaitForLog("ended after .*SIGKILL, perhaps for lack of memory.*requests that "
                          "need it fail until it is back; next try in 0.2 s"));
  const pid_t second = HostPid(2);
  EXPECT_TRUE(router().WaitForLog(absl::StrFormat("callback host %d is ready", second)));
  EXPECT_TRUE(Listens(callback.target())) << "at the same place";
  EXPECT_EQ(router().Metric("vllm_router_callback_host_restarts_total"), 1);
  EXPECT_EQ(router().Metric("vllm_router_callback_host_down"), 0);
  Stop();
  EXPECT_FALSE(Lives(second));
}

TEST_F(CallbackHostTest, EndsWhenTheRouterIsKilled) {
  StartWithHandler();
  const pid_t host = HostPid();
  router().Signal(SIGKILL);
  EXPECT_EQ(router().WaitForExit(), 128 + SIGKILL);
  EXPECT_TRUE(Eventually([&] { return !Lives(host); }));
}

TEST_F(CallbackHostTest, IsEndedWhenTheRouterIsToldToEndMeanwhile) {
  Write("my_callbacks.py", "import time\nprint('importing')\ntime.sleep(1000)\n");
  RouterProcess router({"--static-backends", engine(0).url(), "--static-models", "m", "--callbacks",
                        "my_callbacks.handler"});
  ASSERT_TRUE(router.WaitForLog("callback host [0-9]+: importing"));
  router.Signal(SIGTERM);
  EXPECT_EQ(router.WaitForExit(), 0);
  EXPECT_EQ(router.CountLog("serves on"), 0u);
  EXPECT_EQ(router.CountLog("has ended (SIGTERM)"), 1u);
}

TEST_F(CallbackHostTest, MayPrintAsMuchAsItLikes) {
  Write("my_callbacks.py",
        "import threading\n"
        "def flood():\n"
        "    while True: print('x' * 1000)\n"
        "threading.Thread(target=flood, daemon=True).start()\n"
        "handler = ['pre']\n");
  StartWithHandler();
  EXPECT_TRUE(router().WaitForLog("callback host: [0-9]+ more lines of its output were left out"));
  EXPECT_EQ(Ask(Get("/health")).head.status, 200);
  EXPECT_EQ(router().Metric("vllm_router_log_dropped_bytes_total"), 0);
  Stop();
}

TEST_F(CallbackHostTest, IsFoundByAConfigurationThatWasKept) {
  const std::string state = directory_.path() + "/state";
  const std::string target = absl::StrFormat("unix:%s/callbacks/host.sock", state);
  StartWithHandler({"--state-dir", state});
  EXPECT_EQ(Registered().target(), target);
  SetLimits("max_headers: 50");
  Stop();

  StartWithHandler({"--state-dir", state});
  EXPECT_EQ(Registered().target(), target);
  EXPECT_TRUE(Listens(target));
  EXPECT_EQ(router().CountLog("overruled"), 0u);
  Stop();

  StartAdmin({"--state-dir", state});
  EXPECT_EQ(Registered().target(), target) << "what was kept wins";
  EXPECT_TRUE(
      router().WaitForLog("WARNING: callbacks/flag is the Python handler of an earlier "
                          "start, and there is none without --callbacks"));
}

TEST_F(CallbackHostTest, SaysWhenAKeptConfigurationDoesNotKnowIt) {
  const std::string state = directory_.path() + "/state";
  StartAdmin({"--state-dir", state});
  Stop();
  StartWithHandler({"--state-dir", state});
  EXPECT_TRUE(router().WaitForLog("WARNING: --callbacks is overruled by the configuration in"));
}

TEST_F(CallbackHostTest, SaysWhenTheStateDirectorysNameIsTooLong) {
  const std::string state = directory_.path() + "/" + std::string(80, 'd');
  EXPECT_THAT(Refusal({"--callbacks", "my_callbacks.handler", "--state-dir", state}),
              HasSubstr("and the system allows 107: choose a shorter --state-dir"));
}

TEST_F(CallbackHostTest, AFileMovesAServiceButImportsNothing) {
  ReplacedFile file("callbacks");
  file.Write("callbacks: 127.0.0.1:9000\n");
  StartAdmin({"--dynamic-config-yaml", file.path()});
  EXPECT_EQ(Registered().target(), "127.0.0.1:9000");
  EXPECT_EQ(Registered().failure_mode(), v1::FAILURE_MODE_UNSPECIFIED);
  file.Write("callbacks: my_callbacks.handler\n");
  EXPECT_TRUE(
      router().WaitForLog("what was in force stays:.*callbacks 'my_callbacks.handler' needs "
                          "a restart, for Python code is imported at the start only"));
  file.Write("callbacks: 127.0.0.1:9001\n");
  EXPECT_TRUE(Eventually([&] { return Registered().target() == "127.0.0.1:9001"; }));
  EXPECT_EQ(router().CountLog("callback host"), 0u);
}

}  // namespace
}  // namespace vllm_router::test
