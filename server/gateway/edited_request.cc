#include "server/gateway/edited_request.h"

#include <algorithm>
#include <utility>

#include "server/base/strings.h"
#include "server/http/field_id.h"

namespace vllm_router::gateway {
namespace {

using callbacks::HeaderChange;

// Values of all Connection fields.
std::vector<std::string_view> NamedByConnection(const http::RequestHead& head, const char* base) {
  std::vector<std::string_view> names;
  for (const http::Field& field : head.fields) {
    if (field.id != http::FieldId::kConnection) continue;
    for (const std::string_view name : base::SplitList(field.value.In(base))) {
      names.push_back(name);
    }
  }
  return names;
}

}  // namespace

EditedRequest::EditedRequest(const http::RequestHead& head, const char* base) : head_(head) {
  method_ = head.method_text.In(base);
  path_ = head.path.In(base);
  query_ = head.query.In(base);
  authority_ = head.authority.In(base);
  const std::vector<std::string_view> dropped = NamedByConnection(head, base);
  for (const http::Field& field : head.fields) {
    const std::string_view name = field.name.In(base);
    const bool named = std::any_of(dropped.begin(), dropped.end(), [&](std::string_view other) {
      return base::EqualsIgnoreCase(name, other);
    });
    if (named || field.id == http::FieldId::kConnection) continue;
    lines_.push_back({field.id, std::string(name), std::string(field.value.In(base))});
  }
  Render();
}

void EditedRequest::Change(const std::vector<HeaderChange>& changes) {
  if (changes.empty()) return;
  for (const HeaderChange& change : changes) Change(change);
  Render();
}

void EditedRequest::Change(const HeaderChange& change) {
  const auto of_name = [&](const Line& line) {
    return base::EqualsIgnoreCase(line.name, change.name);
  };
  if (change.action != HeaderChange::Action::kAppend) std::erase_if(lines_, of_name);
  if (change.action == HeaderChange::Action::kRemove) return;
  lines_.push_back({http::FieldIdOf(change.name), change.name, change.value});
}

// The lines as they would have come: whoever forwards them copies whole lines.
void EditedRequest::Render() {
  memory_.clear();
  const auto add = [this](std::string_view text) {
    const http::Slice slice{static_cast<uint32_t>(memory_.size()),
                            static_cast<uint32_t>(text.size())};
    memory_.append(text);
    return slice;
  };
  head_.method_text = add(method_);
  head_.path = add(path_);
  head_.query = add(query_);
  head_.authority = add(authority_);
  head_.fields.clear();
  for (const Line& line : lines_) {
    http::Field field{.id = line.id, .name = add(line.name), .value = {}};
    add(": ");
    field.value = add(line.value);
    add("\r\n");
    head_.fields.push_back(field);
  }
}

}  // namespace vllm_router::gateway
