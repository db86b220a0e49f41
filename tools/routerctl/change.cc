#include "tools/routerctl/change.h"

#include <google/protobuf/descriptor.h>

#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/base/status.h"
#include "tools/routerctl/output.h"
#include "tools/routerctl/values.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl {
namespace {

using ::google::protobuf::Descriptor;

// The member of a oneof cannot be named without its siblings: the field around it is.
absl::StatusOr<std::string> MaskPath(const Descriptor* type, const std::string& path) {
  std::string known;
  const Descriptor* at = type;
  for (const auto part : absl::StrSplit(path, '.')) {
    const std::string name(part);
    const FieldDescriptor* field = at == nullptr ? nullptr : at->FindFieldByName(name);
    if (field == nullptr) {
      return UsageError(absl::StrFormat("%s has no field \"%s\"", type->name(), path));
    }
    if (field->real_containing_oneof() != nullptr && !known.empty()) return known;
    known += (known.empty() ? "" : ".") + name;
    at = field->message_type();
  }
  return known;
}

void AddPath(const std::string& path, google::protobuf::FieldMask* mask) {
  for (const std::string& known : mask->paths()) {
    if (known == path) return;
  }
  mask->add_paths(path);
}

void PrintPending(const v1::PendingCommit& pending, std::ostream& out) {
  const absl::Time until = ToTime(pending.expire_time());
  out << absl::StrFormat("taken back at %s unless confirmed: routerctl config confirm %s\n",
                         absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", until, absl::UTCTimeZone()),
                         pending.commit_id());
}

void PrintChange(Invocation& in, const v1::ChangeResult& change) {
  if (change.validate_only()) {
    in.out << absl::StrFormat("dry run on generation %d: %s\n", change.base_generation(),
                              change.changed() ? DiffSummary(change.diff()) : "no change");
    PrintDiff(change.diff(), in.out);
  } else if (!change.changed()) {
    in.out << absl::StrFormat("no change, generation %d\n", change.generation());
  } else {
    for (const v1::ResourceDiff& resource : change.diff().resources()) {
      in.out << absl::StrFormat("%s %s\n", resource.name(),
                                EnumWord(v1::ChangeKind_descriptor(), resource.kind()));
    }
    in.out << absl::StrFormat("in effect, generation %d\n", change.generation());
  }
  if (change.has_pending_commit()) PrintPending(change.pending_commit(), in.out);
}

}  // namespace

std::string FullName(const std::string& prefix, const std::string& word) {
  return word.compare(0, prefix.size(), prefix) == 0 ? word : prefix + word;
}

void FillChange(const Invocation& in, Message* request) {
  const auto* reason = request->GetDescriptor()->FindFieldByName("reason");
  if (reason != nullptr) {
    request->GetReflection()->SetString(request, reason, in.Get("--reason").value_or(""));
  }
  const auto* validate_only = request->GetDescriptor()->FindFieldByName("validate_only");
  if (validate_only != nullptr) {
    request->GetReflection()->SetBool(request, validate_only, in.dry_run());
  }
}

absl::Status ApplyFieldFlags(const Invocation& in, Message* resource,
                             google::protobuf::FieldMask* mask) {
  for (const GivenFlag& flag : in.args.flags) {
    std::string path(flag.spec->field);
    if (!path.empty()) {
      const std::string value = flag.spec->metavar.empty() ? "true" : flag.value;
      if (absl::Status status = SetField(resource, path, value); !status.ok()) {
        return UsageError(
            absl::StrFormat("%s: %s", flag.spec->name, std::string(status.message())));
      }
    } else if (flag.spec->name == "--clear") {
      path = flag.value;
    }
    if (path.empty() || path == "etag" || mask == nullptr) continue;
    ROUTER_ASSIGN_OR_RETURN(path, MaskPath(resource->GetDescriptor(), path));
    AddPath(path, mask);
  }
  return absl::OkStatus();
}

absl::Status ApplyUpdateFlags(const Invocation& in, Message* resource,
                              google::protobuf::FieldMask* mask) {
  ROUTER_RETURN_IF_ERROR(ApplyFieldFlags(in, resource, mask));
  if (mask->paths_size() > 0) return absl::OkStatus();
  std::vector<std::string> names;
  for (const FlagSpec& flag : in.args.command->flags) {
    if (!flag.field.empty() && flag.field != "etag") names.emplace_back(flag.name);
  }
  return UsageError(absl::StrFormat("\"%s\" changes nothing without one of %s",
                                    in.args.command->name, absl::StrJoin(names, ", ")));
}

absl::Status ShowChange(Invocation& in, const Message& response) {
  const auto* field = response.GetDescriptor()->FindFieldByName("change");
  v1::ChangeResult change;
  change.CopyFrom(response.GetReflection()->GetMessage(response, field));
  for (const std::string& warning : change.warnings()) in.err << "warning: " << warning << '\n';
  if (in.format() != Format::kTable) return Show(in, response);
  PrintChange(in, change);
  return absl::OkStatus();
}

void PrintDiff(const v1::ConfigDiff& diff, std::ostream& out) {
  for (const v1::ResourceDiff& resource : diff.resources()) {
    const char sign = resource.kind() == v1::CHANGE_KIND_CREATED   ? '+'
                      : resource.kind() == v1::CHANGE_KIND_DELETED ? '-'
                                                                   : '~';
    out << sign << ' ' << resource.name() << '\n';
    for (const v1::FieldDiff& field : resource.fields()) {
      if (!field.before_json().empty()) {
        out << "  - " << field.path() << ": " << field.before_json() << '\n';
      }
      if (!field.after_json().empty()) {
        out << "  + " << field.path() << ": " << field.after_json() << '\n';
      }
    }
  }
}

std::string DiffSummary(const v1::ConfigDiff& diff) {
  std::vector<std::string> parts;
  for (const auto kind :
       {v1::CHANGE_KIND_CREATED, v1::CHANGE_KIND_UPDATED, v1::CHANGE_KIND_DELETED}) {
    int count = 0;
    for (const v1::ResourceDiff& resource : diff.resources()) count += resource.kind() == kind;
    if (count > 0) {
      parts.push_back(absl::StrFormat("%d %s", count, EnumWord(v1::ChangeKind_descriptor(), kind)));
    }
  }
  return parts.empty() ? "no change" : absl::StrJoin(parts, ", ");
}

}  // namespace vllm_router::routerctl
