#include "server/callbacks/trial.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <string>

#include "server/config/checker.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/callbacks/scripted_service.h"

namespace vllm_router::callbacks {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr char kPost[] = "hook_point: HOOK_POINT_POST_REQUEST";

TEST(Trial, ShowsWhatAServiceAnswers) {
  ScriptedService service;
  service.pre = [](const v1::PreRequestRequest& request, v1::PreRequestResponse* response) {
    EXPECT_EQ(request.callback(), "callbacks/guard");
    EXPECT_EQ(request.request().path(), "/v1/chat/completions");
    EXPECT_EQ(request.request().body().mode(), v1::BODY_MODE_NONE);
    response->mutable_proceed()->set_model("llama");
    return grpc::Status::OK;
  };
  const v1::TestCallbackResponse response = Tried(Registered(service.Start()));
  EXPECT_TRUE(response.ok());
  EXPECT_EQ(response.grpc_code(), 0);
  EXPECT_EQ(response.message(), "");
  EXPECT_GT(config::ToNanoseconds(response.latency()), 0);
  EXPECT_EQ(response.pre_request_response().proceed().model(), "llama");
}

TEST(Trial, SendsTheFactsThatAreGiven) {
  ScriptedService service;
  service.pre = [](const v1::PreRequestRequest& request, v1::PreRequestResponse* response) {
    EXPECT_EQ(request.request().path(), "/v1/embeddings");
    EXPECT_THAT(request.request().headers(), SizeIs(1));
    EXPECT_EQ(request.request().body().data(), "coffee");
    response->mutable_answer()->set_status(418);
    response->mutable_answer()->set_body("I'm a teapot");
    return grpc::Status::OK;
  };
  const v1::TestCallbackResponse response =
      Tried(Registered(service.Start(), "request_body_mode: BODY_MODE_FULL"),
            "request { path: '/v1/embeddings' headers { name: 'x-a' } headers { name: 'cookie' } "
            "body { data: 'coffee' } }");
  EXPECT_TRUE(response.ok()) << response.message();
  EXPECT_EQ(response.pre_request_response().answer().status(), 418u);
}

TEST(Trial, CallsTheOtherHook) {
  ScriptedService service;
  service.post = [](const v1::PostRequestRequest& request) {
    EXPECT_EQ(request.callback(), "callbacks/guard");
    EXPECT_EQ(request.cause(), v1::REQUEST_CAUSE_COMPLETED);
    return grpc::Status::OK;
  };
  const v1::TestCallbackResponse response = Tried(Registered(service.Start()), kPost);
  EXPECT_TRUE(response.ok()) << response.message();
  EXPECT_FALSE(response.has_pre_request_response());
}

TEST(Trial, SaysThatTheHookIsNotRegistered) {
  ScriptedService service;
  v1::Callback callback = Registered(service.Start());
  callback.clear_hook_points();
  callback.add_hook_points(v1::HOOK_POINT_PRE_REQUEST);
  EXPECT_EQ(Tried(callback).message(), "");
  const v1::TestCallbackResponse response = Tried(callback, kPost);
  EXPECT_TRUE(response.ok());
  EXPECT_EQ(response.message(), "the registration does not list this hook in hook_points");
}

TEST(Trial, NamesTheRuleThatIsBroken) {
  ScriptedService service;
  service.pre = [](const v1::PreRequestRequest&, v1::PreRequestResponse* response) {
    response->mutable_proceed()->add_header_mutations()->set_name("Host");
    return grpc::Status::OK;
  };
  const v1::TestCallbackResponse response = Tried(Registered(service.Start()));
  EXPECT_FALSE(response.ok());
  EXPECT_EQ(response.grpc_code(), 0);
  EXPECT_EQ(response.message(), "proceed.header_mutations[0]: 'Host' is protected");
  EXPECT_EQ(response.pre_request_response().proceed().header_mutations(0).name(), "Host");
}

TEST(Trial, JudgesByTheWholeRequestNotByWhatTravelled) {
  ScriptedService service;
  service.pre = [](const v1::PreRequestRequest& request, v1::PreRequestResponse* response) {
    EXPECT_THAT(request.request().headers(), IsEmpty());
    response->mutable_proceed()->set_model("m");
    return grpc::Status::OK;
  };
  const v1::TestCallbackResponse response =
      Tried(Registered(service.Start(), "header_rules { forward_deny: '*' }"),
            "request { headers { name: 'Content-Type' value: 'Multipart/form-data; b=c' } }");
  EXPECT_EQ(response.message(), "proceed.model: not for multipart bodies");
}

TEST(Trial, ShowsOnlyTheBeginningOfALongBody) {
  ScriptedService service;
  service.pre = [](const v1::PreRequestRequest&, v1::PreRequestResponse* response) {
    response->mutable_answer()->set_status(200);
    response->mutable_answer()->set_body(std::string(1 << 20, 'x'));
    return grpc::Status::OK;
  };
  const v1::TestCallbackResponse response = Tried(Registered(service.Start()));
  EXPECT_TRUE(response.ok()) << response.message();
  EXPECT_THAT(response.pre_request_response().answer().body(), SizeIs(64 << 10));
}

TEST(Trial, TellsTheStatusOfAService) {
  ScriptedService service;
  service.post = [](const v1::PostRequestRequest&) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no\nsuch\xff tenant");
  };
  const v1::TestCallbackResponse response = Tried(Registered(service.Start()), kPost);
  EXPECT_FALSE(response.ok());
  EXPECT_EQ(response.grpc_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(response.message(), R"(no\nsuch\xff tenant)");
}

TEST(Trial, WaitsNoLongerThanTheDeadline) {
  ScriptedService service;
  std::promise<void> over;
  service.pre = [ended = over.get_future().share()](const auto&, auto*) {
    ended.wait();
    return grpc::Status::OK;
  };
  v1::Callback callback = Registered(service.Start());
  callback.mutable_pre_deadline()->set_seconds(0);
  callback.mutable_pre_deadline()->set_nanos(50'000'000);
  const v1::TestCallbackResponse response = Tried(callback);
  over.set_value();
  EXPECT_FALSE(response.ok());
  EXPECT_EQ(response.grpc_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_FALSE(response.has_pre_request_response());
  EXPECT_GE(config::ToNanoseconds(response.latency()), 50 * config::kMillisecond);
}

TEST(Trial, TakesNoAnswerThatIsTooLong) {
  ScriptedService service;
  service.pre = [](const v1::PreRequestRequest&, v1::PreRequestResponse* response) {
    response->mutable_answer()->set_body(std::string(10 << 20, 'x'));
    return grpc::Status::OK;
  };
  const v1::TestCallbackResponse response = Tried(Registered(service.Start()));
  EXPECT_FALSE(response.ok());
  EXPECT_EQ(response.grpc_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(response.message(), HasSubstr("has more than"));
}

// Answers every call with bytes that are no message of ours.
class GarbageService : public grpc::CallbackGenericService {
  class Reactor : public grpc::ServerGenericBidiReactor {
   public:
    Reactor() {
      const grpc::Slice slice("\xff\xff\xff\xff garbage");
      bytes_ = grpc::ByteBuffer(&slice, 1);
      StartWriteAndFinish(&bytes_, {}, grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    grpc::ByteBuffer bytes_;
  };
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new Reactor;
  }
};

TEST(Trial, SurvivesGarbage) {
  GarbageService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  for (const std::string request : {"", kPost}) {
    const v1::TestCallbackResponse response =
        Tried(Registered("127.0.0.1:" + std::to_string(port)), request);
    EXPECT_FALSE(response.ok());
    EXPECT_NE(response.grpc_code(), 0);
    EXPECT_THAT(response.message(), Not(IsEmpty()));
    EXPECT_FALSE(response.has_pre_request_response());
  }
  server->Shutdown(std::chrono::system_clock::now());
}

// A port of 127.0.0.1 that refuses connections while it lives.
class ClosedPort {
 public:
  ClosedPort() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), length), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    target = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~ClosedPort() { ::close(fd_); }
  ClosedPort(const ClosedPort&) = delete;
  ClosedPort& operator=(const ClosedPort&) = delete;

  std::string target;

 private:
  const int fd_;
};

TEST(Trial, SaysThatNobodyListens) {
  const ClosedPort port;
  const v1::TestCallbackResponse response = Tried(Registered(port.target));
  EXPECT_FALSE(response.ok());
  EXPECT_EQ(response.grpc_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(response.message(), HasSubstr("Connection refused"));
}

TEST(Trial, ReachesUnixSockets) {
  const test::TempDirectory directory;
  const std::string path = directory.path() + "/trial";
  {
    ScriptedService service;
    const v1::TestCallbackResponse response = Tried(Registered(service.Start("unix:" + path)));
    EXPECT_TRUE(response.ok()) << response.message();
  }
  std::filesystem::remove(path);
  EXPECT_EQ(Tried(Registered("unix:" + path)).grpc_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(Trial, ResolvesNamesAndTriesEachAddress) {
  ScriptedService service;
  const std::string target = service.Start();
  const std::string port = target.substr(target.rfind(':'));
  TrialOptions options;
  options.resolve = [](const std::string& host, uint16_t number) -> Addresses {
    EXPECT_EQ(host, "guard");
    return std::vector<net::Address>{*net::ParseIpLiteral("127.0.0.2", number),
                                     *net::ParseIpLiteral("127.0.0.1", number)};
  };
  EXPECT_TRUE(Tried(Registered("guard" + port), "", options).ok());
}

TEST(Trial, MixesTheAddressFamilies) {
  ScriptedService service;
  const std::string target = service.Start();
  TrialOptions options;
  options.resolve = [](const std::string&, uint16_t number) -> Addresses {
    return std::vector<net::Address>{*net::ParseIpLiteral("::1", number),
                                     *net::ParseIpLiteral("127.0.0.1", number)};
  };
  const v1::TestCallbackResponse response =
      Tried(Registered("guard" + target.substr(target.rfind(':'))), "", options);
  EXPECT_TRUE(response.ok()) << response.message();
}

TEST(Trial, DoesNotGoWhereItMustNot) {
  ScriptedService service;
  const std::string target = service.Start();
  TrialOptions inside;
  inside.allowed_networks = {*net::Network::Parse("10.0.0.0/8")};
  const v1::TestCallbackResponse outside = Tried(Registered(target), "", inside);
  EXPECT_EQ(outside.grpc_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(outside.message(), HasSubstr("no address of '127.0.0.1' is allowed"));

  TrialOptions rebound;
  rebound.resolve = [](const std::string&, uint16_t port) -> Addresses {
    return std::vector<net::Address>{*net::ParseIpLiteral("169.254.169.254", port)};
  };
  EXPECT_EQ(Tried(Registered("guard:80"), "", rebound).grpc_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Tried(Registered("169.254.169.254:80")).grpc_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(Trial, SaysWhyNoCallWasMade) {
  TrialOptions options;
  options.resolve = [](const std::string&, uint16_t) -> Addresses {
    return absl::UnavailableError("unknown name");
  };
  const v1::TestCallbackResponse unknown = Tried(Registered("guard:80"), "", options);
  EXPECT_EQ(unknown.grpc_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(unknown.message(), "unknown name");
  EXPECT_TRUE(unknown.has_latency());

  const v1::TestCallbackResponse skipped = Tried(Registered(
      "127.0.0.1:1",
      "request_body_mode: BODY_MODE_FULL max_body_bytes: 1 over_limit: OVER_LIMIT_SKIP"));
  EXPECT_EQ(skipped.grpc_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(skipped.message(), StartsWith("the call would not be made"));

  EXPECT_THAT(Tried(Registered("127.0.0.1:1"), "hook_point: 7").message(),
              AllOf(HasSubstr("hook_point"), HasSubstr("7")));
}

TEST(Trial, TakesItsOptionsFromTheLimits) {
  const TrialOptions none = TrialOptionsOf(v1::Limits());
  EXPECT_THAT(none.allowed_networks, IsEmpty());
  EXPECT_EQ(none.max_request_body_bytes, 64u << 20);
  const TrialOptions some = TrialOptionsOf(config::Proto<v1::Limits>(
      "allowed_networks: '10.0.0.0/8' allowed_networks: 'fd00::/8' max_request_body_bytes: 5000"));
  EXPECT_THAT(some.allowed_networks, SizeIs(2));
  EXPECT_EQ(some.max_request_body_bytes, 5000u);
}

}  // namespace
}  // namespace vllm_router::callbacks
