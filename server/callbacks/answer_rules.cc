#include "server/callbacks/answer_rules.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/names.h"
#include "server/http/chars.h"

namespace vllm_router::callbacks {
namespace {

using Broken = std::optional<std::string>;
using Mutations = google::protobuf::RepeatedPtrField<v1::HeaderMutation>;

bool IsRemoval(const v1::HeaderMutation& mutation) {
  return mutation.action() == v1::HeaderMutation::ACTION_REMOVE;
}

Broken BrokenBy(const v1::HeaderMutation& mutation, const HeaderRules& rules, HeaderPlace place) {
  const std::string& name = mutation.name();
  if (!v1::HeaderMutation::Action_IsValid(mutation.action())) {
    return absl::StrFormat("%d is no action", mutation.action());
  }
  if (place == HeaderPlace::kAnswer && IsRemoval(mutation)) {
    return "an answer has nothing to REMOVE: SET and APPEND only";
  }
  if (name.empty() || !http::AllIn(http::kTokenChar, name)) {
    return absl::StrFormat("'%s' is no field name", base::Printable(name));
  }
  if (const std::string_view why = rules.WhyNotChangeable(name, place); !why.empty()) {
    return absl::StrFormat("'%s' %s", base::Printable(name), why);
  }
  if (!IsRemoval(mutation) && !http::AllIn(http::kTextChar, mutation.value())) {
    return absl::StrFormat("the value of '%s' has control characters", base::Printable(name));
  }
  return std::nullopt;
}

Broken TooMuch(const Mutations& mutations) {
  if (mutations.size() > kMaxHeaderChanges) {
    return absl::StrFormat("are %d: at most %d", mutations.size(), kMaxHeaderChanges);
  }
  uint64_t bytes = 0;
  for (const v1::HeaderMutation& mutation : mutations) {
    bytes += mutation.name().size() + (IsRemoval(mutation) ? 0 : mutation.value().size());
  }
  if (bytes > kMaxHeaderChangeBytes) {
    return absl::StrFormat("hold %d bytes of names and values: at most %d", bytes,
                           kMaxHeaderChangeBytes);
  }
  return std::nullopt;
}

// Of all mutations together, then of each one.
Broken BrokenBy(std::string_view field, const Mutations& mutations, const HeaderRules& rules,
                HeaderPlace place) {
  if (const Broken all = TooMuch(mutations)) {
    return absl::StrFormat("%s %s", field, *all);
  }
  for (int i = 0; i < mutations.size(); ++i) {
    if (const Broken one = BrokenBy(mutations.Get(i), rules, place)) {
      return absl::StrFormat("%s[%d]: %s", field, i, *one);
    }
  }
  return std::nullopt;
}

Broken BrokenBy(const v1::RequestChanges& changes, const Registration& registration,
                const AnsweredRequest& request) {
  if (Broken headers = BrokenBy("proceed.header_mutations", changes.header_mutations(),
                                registration.headers, HeaderPlace::kRequest)) {
    return headers;
  }
  if (changes.has_body()) {
    if (!request.whole_body) {
      return "proceed.body: the service did not get the whole body, so it must not replace it";
    }
    if (changes.has_model()) return "proceed.model: not together with a body";
    const uint64_t most = std::min(request.max_body_bytes, registration.request_body.max_bytes);
    if (changes.body().size() > most) {
      return absl::StrFormat("proceed.body: %d bytes, at most %d", changes.body().size(), most);
    }
  }
  if (changes.has_model()) {
    if (request.multipart) return "proceed.model: not for multipart bodies";
    if (!config::IsModelName(changes.model())) {
      return absl::StrFormat(
          "proceed.model: '%s' is no name of a model: 1 to 512 characters, no control characters",
          base::Printable(changes.model()));
    }
  }
  return std::nullopt;
}

Broken BrokenBy(const v1::ImmediateAnswer& answer, const Registration& registration) {
  if (!registration.allow_answer) return "answer: the registration does not allow_answer";
  if (answer.status() < 200 || answer.status() > 599) {
    return absl::StrFormat("answer.status: %d is not in 200 to 599", answer.status());
  }
  if (answer.body().size() > kMaxAnswerBodyBytes) {
    return absl::StrFormat("answer.body: %d bytes, at most %d", answer.body().size(),
                           kMaxAnswerBodyBytes);
  }
  return BrokenBy("answer.headers", answer.headers(), registration.headers, HeaderPlace::kAnswer);
}

}  // namespace

bool IsWholeBody(const v1::BodyContent& body) {
  return body.mode() == v1::BODY_MODE_FULL && !body.truncated();
}

Broken BrokenRule(const v1::PreRequestResponse& answer, const Registration& registration,
                  const AnsweredRequest& request) {
  switch (answer.decision_case()) {
    case v1::PreRequestResponse::kProceed:
      return BrokenBy(answer.proceed(), registration, request);
    case v1::PreRequestResponse::kAnswer:
      return BrokenBy(answer.answer(), registration);
    case v1::PreRequestResponse::DECISION_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace vllm_router::callbacks
