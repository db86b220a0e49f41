// ApplyConfig, from its bytes (the input's first byte chooses protobuf's text or binary format) to
// the snapshot that shards would get: whatever is asked for, the answer is one well-formed refusal
// that changes nothing, or a configuration that can be kept, shown, repeated and taken back.
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config/diff.h"
#include "server/config/fields.h"
#include "server/control/authority.h"
#include "server/control/compile.h"
#include "server/control/snapshot_factory.h"
#include "tests/fuzz/fuzz_check.h"

namespace vllm_router::control {
namespace {

constexpr std::string_view kSecret = "sk-of-the-base";
constexpr base::WallTime kNow{std::chrono::seconds(1'700'000'000)};
// Past every deadline that can be asked for.
constexpr base::WallTime kLater = kNow + std::chrono::hours(24 * 400);

class Silent final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int, int, const std::string&) override {}
};

v1::Config MakeBase() {
  v1::Config config = config::Draft::Empty();
  v1::Config rest;
  FUZZ_CHECK(google::protobuf::TextFormat::ParseFromString(
      R"(generation: 4
         backends { name: "backends/a" etag: "e1" url: "http://a:1" generation: 1
                    models { model: "m" alias: "n" } source: BACKEND_SOURCE_FLAG }
         backends { name: "backends/b" etag: "e2" url: "https://b:1/p" generation: 2
                    models { model: "m" } models { model: "o" } source: BACKEND_SOURCE_ADMIN
                    api_key { inline_key: "sk-of-the-base" } }
         backends { name: "backends/c" etag: "e3" url: "http://c:1" generation: 1
                    models { model: "m" } source: BACKEND_SOURCE_K8S }
         backends { name: "backends/d" etag: "e4" url: "http://d:1" generation: 3
                    models { model: "p" } source: BACKEND_SOURCE_ADMIN
                    admin_state: ADMIN_STATE_DRAINING
                    status { drain { start_time { seconds: 9 } delete_when_done: true } } }
         routing_policies { name: "routing/m" etag: "e5" session_key: "k" session { }
                            failover { retryable_status_codes: 503 } }
         callbacks { name: "callbacks/g" etag: "e6" target: "g:1" hook_points: HOOK_POINT_PRE_REQUEST }
         callbacks { name: "callbacks/h" etag: "e7" target: "unix:/h"
                     hook_points: HOOK_POINT_POST_REQUEST lease_ttl { seconds: 60 } }
         model_aliases { name: "aliases/x" etag: "e8" targets { model: "m" weight: 3 }
                         targets { model: "o" } })",
      &rest));
  config.MergeFrom(rest);
  config.mutable_limits()->set_etag("e9");
  return config;
}

const Authority& Start() {
  static const Authority start({.instance = "i", .context = {}}, MakeBase());
  return start;
}

bool Parse(const uint8_t* data, size_t size, v1::ApplyConfigRequest* request) {
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] != 't') return request->ParseFromString(text);
  google::protobuf::TextFormat::Parser parser;
  Silent silent;
  parser.RecordErrorsTo(&silent);
  // What is no UTF-8 passes here, but not through the wire.
  return parser.ParseFromString(text, request) &&
         request->ParseFromString(request->SerializeAsString());
}

Command Edit(std::function<void(config::Draft&)> edit) {
  return {.author = {.actor = "fuzz"}, .edit = std::move(edit)};
}

Command Replace(v1::Config wanted) {
  return Edit([wanted = std::move(wanted)](config::Draft& draft) {
    v1::ApplyConfigRequest request;
    *request.add_mutations()->mutable_replace_config() = wanted;
    draft.ApplyAll(request.mutations());
  });
}

void CheckFailure(const base::Failure& failure) {
  FUZZ_CHECK(failure.code != absl::StatusCode::kInternal && !failure.reason.empty());
  FUZZ_CHECK(failure.violations.empty() == (failure.reason != "INVALID_FIELDS"));
  for (const char c : failure.message) FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20);
}

bool HoldsSecret(const base::Failure& failure) {
  bool holds = failure.message.find(kSecret) != std::string::npos;
  for (const base::Violation& v : failure.violations) {
    holds |= v.description.find(kSecret) != std::string::npos;
  }
  return holds;
}

// What is kept can be read again and be shown, without secrets.
void CheckKept(const Proposal& proposal, bool names_secret) {
  const v1::Config& config = *proposal.config();
  const std::string bytes = config.SerializeAsString();
  v1::Config read;
  FUZZ_CHECK(read.ParseFromString(bytes) && read.SerializeAsString() == bytes);
  config::Redact(read);
  for (const v1::Backend& backend : read.backends()) {
    FUZZ_CHECK(!backend.api_key().has_inline_key() ||
               backend.api_key().inline_key() == config::kHiddenSecret);
  }
  std::string json;
  FUZZ_CHECK(google::protobuf::util::MessageToJsonString(read, &json).ok());
  FUZZ_CHECK(names_secret || json.find(kSecret) == std::string::npos);
  FUZZ_CHECK(names_secret || proposal.diff.SerializeAsString().find(kSecret) == std::string::npos);
  FUZZ_CHECK(config::Diff(config, config).resources().empty());
}

// Saying what is there, with or without secrets, changes nothing.
void CheckRepeat(const Authority& authority) {
  v1::Config shown = *authority.config();
  for (int i = 0; i < 2; ++i) {
    const base::Outcome<Proposal> again = authority.Propose(Replace(shown), kNow);
    FUZZ_CHECK(again.ok() && !again->changed);
    config::Redact(shown);
  }
}

bool NamesFiles(const v1::Config& config) {
  for (const v1::Backend& backend : config.backends()) {
    const v1::TlsSettings& tls = backend.tls();
    if (!tls.ca_file().empty() || !tls.cert_file().empty() || !tls.key_file().empty()) return true;
  }
  return false;
}

std::vector<std::string> IdsOf(const std::vector<fleet::BackendPtr>& backends) {
  std::vector<std::string> ids;
  for (const fleet::BackendPtr& backend : backends) ids.push_back(backend->spec.id);
  return ids;
}

// What is taken over from the snapshot before is what would have been made anew.
void CheckSame(const fleet::Snapshot& next, const fleet::Snapshot& fresh) {
  FUZZ_CHECK(IdsOf(next.backends) == IdsOf(fresh.backends));
  FUZZ_CHECK(*next.route == *fresh.route && next.pools.size() == fresh.pools.size());
  for (const auto& [model, pool] : fresh.pools) {
    const fleet::Pool* other = next.FindPool(model);
    FUZZ_CHECK(other != nullptr && IdsOf(other->backends) == IdsOf(pool->backends));
    FUZZ_CHECK(*other->route == *pool->route && other->renamed == pool->renamed);
    FUZZ_CHECK((other->picker == nullptr) == (pool->picker == nullptr));
  }
  FUZZ_CHECK(next.lists->models_json == fresh.lists->models_json);
  FUZZ_CHECK(next.lists->engines_json == fresh.lists->engines_json);
}

void CheckSnapshot(const v1::Config& before, const v1::Config& config) {
  (void)CompileProcessLimits(config.limits(), 100);
  if (NamesFiles(config) || NamesFiles(before)) return;
  stats::Registry stats(1);
  SnapshotFactory factory(stats, 1);
  const base::Outcome<fleet::SnapshotPtr> snapshot = factory.Build(config);
  if (!snapshot.ok()) return CheckFailure(snapshot.failure());
  FUZZ_CHECK((*snapshot)->generation == config.generation());
  FUZZ_CHECK((*snapshot)->backends.size() == static_cast<size_t>(config.backends_size()));
  SnapshotFactory other(stats, 1);
  const fleet::SnapshotPtr former = *other.Build(before);
  CheckSame(**other.Build(config, former.get()), **snapshot);
}

template <typename List>
void CheckSame(const List& a, const List& b) {
  FUZZ_CHECK(a.size() == b.size());
  for (int i = 0; i < a.size(); ++i) {
    bool found = false;
    for (const auto& other : b) found |= config::SameContent(a.Get(i), other);
    FUZZ_CHECK(found);
  }
}

// All but backends, which a change that is taken back leaves in their drains.
void CheckIsBack(const Authority& authority) {
  const v1::Config& is = *authority.config();
  const v1::Config& was = *Start().config();
  CheckSame(is.routing_policies(), was.routing_policies());
  CheckSame(is.callbacks(), was.callbacks());
  CheckSame(is.model_aliases(), was.model_aliases());
  FUZZ_CHECK(config::SameContent(is.limits(), was.limits()));
}

void CheckRollback(Authority authority) {
  const base::Outcome<Proposal> back =
      authority.Propose(Authority::Rollback(Start().config(), {.actor = "fuzz"}), kNow);
  FUZZ_CHECK(back.ok());
  authority.Accept(*back);
  CheckIsBack(authority);
}

// Time alone brings everything to an end.
void CheckEnds(Authority authority) {
  for (int i = 0; i < 4; ++i) {
    const std::optional<Command> due =
        authority.Due(kLater, [](const std::string&) { return uint64_t{0}; });
    if (!due) return;
    const base::Outcome<Proposal> proposal = authority.Propose(*due, kLater);
    FUZZ_CHECK(proposal.ok() && proposal->changed);
    authority.Accept(*proposal);
  }
  FUZZ_CHECK(!"the router has something to do for ever");
}

// A request whose first mutation waits for its confirmation and goes while the others stay.
void CheckTakenBack(const v1::ApplyConfigRequest& request) {
  Authority authority = Start();
  for (int i = 0; i < request.mutations_size(); ++i) {
    Command command = Edit([&](config::Draft& draft) { draft.Apply(request.mutations(i), ""); });
    if (i == 0) command.confirm_within = std::chrono::seconds(60);
    const base::Outcome<Proposal> proposal = authority.Propose(command, kNow);
    if (!proposal.ok() && i == 0) return;
    if (proposal.ok()) authority.Accept(*proposal);
  }
  CheckEnds(authority);
}

void Check(const v1::ApplyConfigRequest& request) {
  const bool names_secret = request.SerializeAsString().find(kSecret) != std::string::npos;
  const std::string before = Start().config()->SerializeAsString();
  const base::Outcome<Proposal> proposal = Start().Propose(
      Edit([&](config::Draft& draft) { draft.ApplyAll(request.mutations()); }), kNow);
  FUZZ_CHECK(Start().config()->SerializeAsString() == before);
  if (!proposal.ok()) {
    CheckFailure(proposal.failure());
    FUZZ_CHECK(names_secret || !HoldsSecret(proposal.failure()));
    return;
  }
  FUZZ_CHECK(proposal->generation == Start().generation() + (proposal->changed ? 1 : 0));
  FUZZ_CHECK(proposal->config()->generation() == proposal->generation);
  CheckKept(*proposal, names_secret);
  Authority after = Start();
  after.Accept(*proposal);
  CheckRepeat(after);
  CheckSnapshot(*Start().config(), *proposal->config());
  CheckRollback(after);
  CheckEnds(after);
}

}  // namespace
}  // namespace vllm_router::control

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vllm_router;
  v1::ApplyConfigRequest request;
  if (size == 0 || !control::Parse(data, size, &request)) return 0;
  control::Check(request);
  if (request.mutations_size() > 1) control::CheckTakenBack(request);
  return 0;
}
