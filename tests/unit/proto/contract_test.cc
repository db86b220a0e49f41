// The generated code as clients see it: walks the descriptors that are linked into the binary.
// Comments and tags are not in them; tools/dev/check_proto looks at those.
#include <cctype>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"
#include "proto/callback.grpc.pb.h"
#include "proto/router.grpc.pb.h"

namespace vllm_router::v1 {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;
using ::google::protobuf::MethodDescriptor;
using ::google::protobuf::ServiceDescriptor;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

std::vector<const FileDescriptor*> Files() {
  return {Config::descriptor()->file(), RequestFacts::descriptor()->file()};
}

std::vector<const MethodDescriptor*> Methods() {
  std::vector<const MethodDescriptor*> methods;
  for (const FileDescriptor* file : Files()) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        methods.push_back(file->service(i)->method(j));
      }
    }
  }
  return methods;
}

const ServiceDescriptor* Admin() {
  return Config::descriptor()->file()->FindServiceByName("RouterAdmin");
}

// Every message of our package that an RPC can carry.
std::set<const Descriptor*> ReachableMessages() {
  std::set<const Descriptor*> seen;
  std::function<void(const Descriptor*)> visit = [&](const Descriptor* message) {
    if (message->file()->package() != "vllm_router.v1" || !seen.insert(message).second) return;
    for (int i = 0; i < message->field_count(); ++i) {
      if (message->field(i)->message_type() != nullptr) visit(message->field(i)->message_type());
    }
  };
  for (const MethodDescriptor* method : Methods()) {
    visit(method->input_type());
    visit(method->output_type());
  }
  return seen;
}

std::set<std::string> FieldNames(const Descriptor* message) {
  std::set<std::string> names;
  for (int i = 0; i < message->field_count(); ++i) names.insert(message->field(i)->name());
  return names;
}

TEST(Contract, LivesInOneVersionedPackage) {
  for (const FileDescriptor* file : Files()) EXPECT_EQ(file->package(), "vllm_router.v1");
  // The path is part of the contract: generated includes and server reflection use it.
  EXPECT_EQ(Files()[0]->name(), "proto/router.proto");
  EXPECT_EQ(Files()[1]->name(), "proto/callback.proto");
}

TEST(Contract, GivesEveryRpcItsOwnRequestAndResponse) {
  const std::vector<const MethodDescriptor*> methods = Methods();
  ASSERT_FALSE(methods.empty());
  for (const MethodDescriptor* method : methods) {
    EXPECT_EQ(method->input_type()->name(), method->name() + "Request");
    EXPECT_EQ(method->output_type()->name(), method->name() + "Response");
    EXPECT_FALSE(method->client_streaming()) << method->full_name();
  }
}

TEST(Contract, StartsEveryEnumWithUnspecified) {
  std::set<const EnumDescriptor*> enums;
  for (const Descriptor* message : ReachableMessages()) {
    for (int i = 0; i < message->field_count(); ++i) {
      if (message->field(i)->enum_type() != nullptr) enums.insert(message->field(i)->enum_type());
    }
  }
  enums.insert(ErrorReason_descriptor());
  for (const EnumDescriptor* type : enums) {
    const auto* zero = type->FindValueByNumber(0);
    ASSERT_NE(zero, nullptr) << type->full_name();
    EXPECT_THAT(zero->name(), ::testing::EndsWith("_UNSPECIFIED")) << type->full_name();
  }
}

TEST(Contract, ReachesEveryMessageFromAnRpc) {
  const std::set<const Descriptor*> reachable = ReachableMessages();
  for (const FileDescriptor* file : Files()) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      EXPECT_THAT(reachable, Contains(file->message_type(i))) << file->message_type(i)->name();
    }
  }
}

TEST(Contract, OffersTheWholeAdminSurface) {
  std::map<std::string, bool> streams;
  for (int i = 0; i < Admin()->method_count(); ++i) {
    streams[Admin()->method(i)->name()] = Admin()->method(i)->server_streaming();
  }
  std::set<std::string> names;
  for (const auto& [name, stream] : streams) {
    names.insert(name);
    EXPECT_EQ(stream, name.rfind("Watch", 0) == 0) << name;
  }
  EXPECT_THAT(names,
              IsSupersetOf(
                  {"GetConfig",        "ApplyConfig",        "WatchConfig",      "ListRevisions",
                   "GetRevision",      "Rollback",           "ConfirmCommit",    "CancelCommit",
                   "ListBackends",     "GetBackend",         "CreateBackend",    "UpdateBackend",
                   "DeleteBackend",    "DrainBackend",       "UndrainBackend",   "ProbeBackend",
                   "GetRoutingPolicy", "SetRoutingPolicy",   "ExplainRoute",     "RegisterCallback",
                   "UpdateCallback",   "DeregisterCallback", "ListCallbacks",    "TestCallback",
                   "ListModelAliases", "GetModelAlias",      "CreateModelAlias", "UpdateModelAlias",
                   "DeleteModelAlias", "GetLimits",          "UpdateLimits",     "GetStats",
                   "WatchStats",       "ListInFlight",       "AbortRequest",     "ListAuditEvents",
                   "WatchAuditEvents", "GetServerInfo",      "SetLogLevel",      "Shutdown"}));
}

// A response with a ChangeResult marks an RPC that makes a generation.
TEST(Contract, LetsEveryChangeBeTriedRetriedAndExplained) {
  int changes = 0;
  for (int i = 0; i < Admin()->method_count(); ++i) {
    const MethodDescriptor* method = Admin()->method(i);
    if (FieldNames(method->output_type()).count("change") == 0) continue;
    ++changes;
    const std::set<std::string> fields = FieldNames(method->input_type());
    EXPECT_THAT(fields, IsSupersetOf({"request_id", "reason"})) << method->name();
    // Taking a pending commit back has nothing to try.
    EXPECT_EQ(fields.count("validate_only"), method->name() == "CancelCommit" ? 0u : 1u)
        << method->name();
  }
  EXPECT_EQ(changes, 18);
}

TEST(Contract, LetsEveryListBePaged) {
  for (int i = 0; i < Admin()->method_count(); ++i) {
    const MethodDescriptor* method = Admin()->method(i);
    if (method->name().rfind("List", 0) != 0) continue;
    EXPECT_THAT(FieldNames(method->input_type()), IsSupersetOf({"page_size", "page_token"}))
        << method->name();
    EXPECT_THAT(FieldNames(method->output_type()), Contains("next_page_token")) << method->name();
  }
}

// One kind forgotten in one of these oneofs would make it unreachable for Apply or Watch.
TEST(Contract, CarriesEveryResourceKindEverywhere) {
  const std::vector<std::string> kinds = {"backend", "routing_policy", "callback", "model_alias",
                                          "limits"};
  std::vector<std::string> in_watch;
  const auto* resource = ConfigResource::descriptor()->FindOneofByName("resource");
  for (int i = 0; i < resource->field_count(); ++i) in_watch.push_back(resource->field(i)->name());
  EXPECT_EQ(in_watch, kinds);

  const std::set<std::string> mutations = FieldNames(ConfigMutation::descriptor());
  for (const std::string& kind : kinds) {
    if (kind == "limits") {
      EXPECT_THAT(mutations, Contains("update_limits"));
    } else {
      EXPECT_THAT(mutations, IsSupersetOf({"upsert_" + kind, "delete_" + kind}));
    }
    std::string upper = kind;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_NE(ResourceKind_descriptor()->FindValueByName("RESOURCE_KIND_" + upper), nullptr)
        << kind;
  }
}

// What routerctl reads from a file and prints: unset stays apart from zero, so that defaults hold.
TEST(Contract, KeepsUnsetApartFromZeroInJson) {
  Limits limits;
  limits.set_max_concurrent_requests(0);
  std::string json;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(limits, &json).ok());
  EXPECT_EQ(json, R"({"maxConcurrentRequests":"0"})");

  Limits read;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(R"({"stream_buffer_bytes": 4096})", &read).ok());
  EXPECT_TRUE(read.has_stream_buffer_bytes());
  EXPECT_FALSE(read.has_max_headers());
}

TEST(Contract, HoldsNumbersFreeForLogicsToCome) {
  const Descriptor* policy = RoutingPolicy::descriptor();
  std::vector<std::string> logics;
  const auto* logic = policy->FindOneofByName("logic");
  for (int i = 0; i < logic->field_count(); ++i) logics.push_back(logic->field(i)->name());
  EXPECT_THAT(logics, ElementsAre("round_robin", "session"));
  EXPECT_TRUE(policy->IsReservedNumber(logic->field(logic->field_count() - 1)->number() + 1));
}

TEST(Contract, GeneratesServerAndClientCode) {
  EXPECT_STREQ(RouterAdmin::service_full_name(), "vllm_router.v1.RouterAdmin");
  EXPECT_STREQ(RouterCallback::service_full_name(), "vllm_router.v1.RouterCallback");
  const RouterAdmin::Service admin;
  EXPECT_TRUE(admin.has_synchronous_methods());
}

}  // namespace
}  // namespace vllm_router::v1
