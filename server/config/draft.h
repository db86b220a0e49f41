// A configuration under change. Mutations are applied one after the other to what is in effect;
// Finish says what became of it: a new configuration with its difference, or everything that is
// wrong. Nothing here knows of time, threads or disks: the caller says when and as which
// generation.
//
//   Draft draft(current, context, {.generation = 8, .now = ..., .etag = "3f2a-8"});
//   for (...) draft.Apply(mutation, "mutations[0]");
//   base::Outcome<Change> change = draft.Finish();
#ifndef SERVER_CONFIG_DRAFT_H_
#define SERVER_CONFIG_DRAFT_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/router.pb.h"
#include "server/base/failure.h"
#include "server/config/check.h"
#include "server/config/document.h"
#include "server/config/table.h"

namespace vllm_router::config {

// What the resources that change are marked with.
struct Stamp {
  uint64_t generation = 0;
  google::protobuf::Timestamp now;
  std::string etag;
  v1::BackendSource source = v1::BACKEND_SOURCE_ADMIN;  // of backends that upserts create
};

struct Change {
  DocumentPtr document;    // marked; the base when there is no change
  v1::ConfigDiff diff;     // against the base
  bool reordered = false;  // the backends or callbacks stand in another order
  std::vector<std::string> warnings;

  const v1::Config& config() const { return document->config(); }
  bool any() const { return !diff.resources().empty() || reordered; }
};

// What an upsert expects to find.
enum class Expect : uint8_t { kAny, kNew, kExisting };

class Draft {
 public:
  // `base` always has a default policy and limits (see Empty).
  Draft(DocumentPtr base, CheckContext context, Stamp stamp);

  // All of a request, in their order.
  void ApplyAll(const google::protobuf::RepeatedPtrField<v1::ConfigMutation>& mutations);
  // `path`: where the mutation stands in the request, for violations: "mutations[2]", or "".
  void Apply(const v1::ConfigMutation& mutation, const std::string& path,
             Expect expect = Expect::kAny);
  void DrainBackend(const std::string& name, const std::string& etag,
                    const v1::DrainOptions& options);
  void UndrainBackend(const std::string& name, const std::string& etag);

  // The router's own changes: a drain that is over, a lease that lapsed, what a source sees now
  // (what it does not name goes; what operators changed of its backends stays).
  void RemoveBackend(const std::string& name) { backends_.Remove(name); }
  void RemoveCallback(const std::string& name) { callbacks_.Remove(name); }
  // Gives the resources of these names back the state that they had in `former`; what was not there
  // goes, backends through a drain.
  void Restore(const std::set<std::string>& names, const v1::Config& former);
  // Gives backends and callbacks the order that they had in `former`; what was not there comes
  // last.
  void RestoreOrder(const v1::Config& former);
  // Everything. Backends of discovery stay as they are.
  void RestoreAll(const v1::Config& former);
  void DeclareBackends(v1::BackendSource source, const std::vector<v1::Backend>& backends);

  // The last call.
  base::Outcome<Change> Finish();

  // A configuration with nothing but the default policy and limits, all at their defaults.
  static v1::Config Empty();

 private:
  using WhenMissing = base::Failure (*)(std::string_view name);

  void Refuse(base::Failure failure);
  // The backend of that name; nullptr: it was refused as unknown or, with another etag, as stale.
  v1::Backend* FindFor(const std::string& name, const std::string& etag);
  bool Guard(const std::string& name, const std::string& etag, const std::string& current);

  template <typename Resource>
  Resource* Upsert(Table<Resource>& table, Resource wanted, const google::protobuf::FieldMask& mask,
                   WhenMissing missing, const Checker& check, Expect expect);
  template <typename Resource>
  bool Delete(Table<Resource>& table, const v1::ResourceDeletion& deletion, WhenMissing missing);
  void UpsertBackend(v1::Backend wanted, const google::protobuf::FieldMask& mask,
                     const Checker& check, Expect expect);
  void UpsertPolicy(const v1::RoutingPolicy& wanted, const google::protobuf::FieldMask& mask,
                    const Checker& check, Expect expect);
  void UpsertCallback(const v1::Callback& wanted, const google::protobuf::FieldMask& mask,
                      const Checker& check, Expect expect);
  void UpsertAlias(const v1::ModelAlias& wanted, const google::protobuf::FieldMask& mask,
                   const Checker& check, Expect expect);
  void UpdateLimits(const v1::Limits& wanted, const google::protobuf::FieldMask& mask,
                    const Checker& check);
  void DeletePolicy(const v1::ResourceDeletion& deletion);
  void DeleteBackend(const v1::BackendDeletion& deletion, const Checker& check);
  // What names a model that would have no backend left without this one.
  std::vector<std::string> UsersOf(const v1::Backend& backend) const;
  void Replace(const v1::Config& wanted, const std::string& path);
  void ReplaceBackends(const v1::Config& wanted, const std::string& path);

  // What the draft has become, marked. Takes it out of the tables.
  DocumentPtr Close();

  const DocumentPtr base_;
  const CheckContext context_;
  const Stamp stamp_;
  Table<v1::Backend> backends_;
  Table<v1::RoutingPolicy> policies_;
  Table<v1::Callback> callbacks_;
  Table<v1::ModelAlias> aliases_;
  v1::Limits limits_;
  std::vector<base::Violation> violations_;
  std::optional<base::Failure> failure_;  // the first that is no violation
};

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_DRAFT_H_
