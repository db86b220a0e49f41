#include "server/app/flags_static.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "absl/strings/str_format.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

using Entries = std::vector<std::string_view>;

constexpr std::array<std::string_view, 8> kModelTypes = {
    "chat", "completion", "embeddings", "rerank", "score", "transcription", "vision", "messages"};

absl::Status BadEntry(std::string_view flag, std::string_view value, size_t index,
                      std::string_view why) {
  return absl::InvalidArgumentError(absl::StrFormat("%s '%s' (entry %d) is not allowed: %s", flag,
                                                    base::Printable(value), index + 1, why));
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// Unlike base::SplitList it keeps count of empty entries: dropping one would pair the rest wrongly.
absl::StatusOr<Entries> SplitEntries(std::string_view flag, std::string_view list) {
  Entries entries;
  if (base::TrimOws(list).empty()) return entries;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view entry = base::TrimOws(list.substr(begin, end - begin));
    if (entry.empty()) return BadEntry(flag, entry, entries.size(), "it is empty");
    if (std::any_of(entry.begin(), entry.end(), IsControl)) {
      return BadEntry(flag, entry, entries.size(), "it holds a control character");
    }
    entries.push_back(entry);
    begin = end + 1;
  }
  return entries;
}

// A list that may be left out, but must fit the backends when given.
absl::StatusOr<Entries> SplitFitting(std::string_view flag, std::string_view list,
                                     std::string_view noun, size_t backends) {
  ROUTER_ASSIGN_OR_RETURN(Entries entries, SplitEntries(flag, list));
  if (!entries.empty() && entries.size() != backends) {
    return absl::InvalidArgumentError(
        absl::StrFormat("URLs and %s should have the same length: --static-backends has %d, %s "
                        "has %d",
                        noun, backends, flag, entries.size()));
  }
  return entries;
}

absl::StatusOr<fleet::BackendUrl> ParseUrl(std::string_view text, size_t index) {
  absl::StatusOr<fleet::BackendUrl> url = fleet::ParseBackendUrl(text);
  if (url.ok()) return url;
  // The message shows the url itself, without what could be a password in it.
  return absl::InvalidArgumentError(absl::StrFormat("--static-backends entry %d: %s", index + 1,
                                                    base::StdView(url.status().message())));
}

absl::Status CheckModelType(std::string_view type, size_t index) {
  if (std::find(kModelTypes.begin(), kModelTypes.end(), type) != kModelTypes.end()) {
    return absl::OkStatus();
  }
  std::string supported;
  for (const std::string_view known : kModelTypes) {
    if (!supported.empty()) supported += ", ";
    supported += known;
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "The model type '%s' is not supported. Supported model types are '%s' (--static-model-types, "
      "entry %d)",
      base::Printable(type), supported, index + 1));
}

absl::Status CheckDistinct(const std::vector<StaticBackend>& backends) {
  std::map<std::pair<std::string_view, std::string_view>, size_t> seen;
  for (size_t i = 0; i < backends.size(); ++i) {
    const StaticBackend& backend = backends[i];
    const auto [first, is_new] = seen.try_emplace({backend.url.text, backend.model}, i);
    if (is_new) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "--static-backends '%s' is given twice for the model '%s' (entries %d and %d): give each "
        "pair once",
        base::Printable(backend.url.text), base::Printable(backend.model), first->second + 1,
        i + 1));
  }
  return absl::OkStatus();
}

bool Serves(const std::vector<StaticBackend>& backends, std::string_view model) {
  return std::any_of(backends.begin(), backends.end(),
                     [&](const StaticBackend& backend) { return backend.model == model; });
}

absl::StatusOr<std::pair<std::string, std::string>> SplitAlias(
    std::string_view entry, size_t index, const std::vector<StaticBackend>& backends) {
  static constexpr std::string_view kFlag = "--static-aliases";
  std::vector<size_t> all;
  std::vector<size_t> served;
  for (size_t colon = entry.find(':'); colon != std::string_view::npos;
       colon = entry.find(':', colon + 1)) {
    if (base::TrimOws(entry.substr(0, colon)).empty()) continue;
    const std::string_view model = base::TrimOws(entry.substr(colon + 1));
    if (model.empty()) continue;
    all.push_back(colon);
    if (Serves(backends, model)) served.push_back(colon);
  }
  if (all.empty()) return BadEntry(kFlag, entry, index, "give ALIAS:MODEL");
  if (served.size() > 1) {
    return BadEntry(kFlag, entry, index, "more than one end of it is a model of --static-models");
  }
  if (served.empty() && all.size() > 1) {
    return BadEntry(kFlag, entry, index, "no end of it is a model of --static-models");
  }
  const size_t colon = served.empty() ? all.front() : served.front();
  return std::pair(std::string(base::TrimOws(entry.substr(0, colon))),
                   std::string(base::TrimOws(entry.substr(colon + 1))));
}

}  // namespace

absl::StatusOr<std::vector<StaticBackend>> ParseStaticBackends(const StaticLists& lists) {
  ROUTER_ASSIGN_OR_RETURN(const Entries urls, SplitEntries("--static-backends", lists.backends));
  if (urls.empty()) {
    return absl::InvalidArgumentError(
        "Static backends must be provided when using static service discovery. Give them with "
        "--static-backends");
  }
  if (base::TrimOws(lists.models).empty()) {
    return absl::InvalidArgumentError(
        "Static models must be provided when using static service discovery. Give them with "
        "--static-models");
  }
  const size_t count = urls.size();
  ROUTER_ASSIGN_OR_RETURN(const Entries models,
                          SplitFitting("--static-models", lists.models, "models", count));
  ROUTER_ASSIGN_OR_RETURN(
      const Entries types,
      SplitFitting("--static-model-types", lists.model_types, "model types", count));
  ROUTER_ASSIGN_OR_RETURN(
      const Entries labels,
      SplitFitting("--static-model-labels", lists.model_labels, "model labels", count));

  std::vector<StaticBackend> backends(count);
  for (size_t i = 0; i < count; ++i) {
    ROUTER_ASSIGN_OR_RETURN(backends[i].url, ParseUrl(urls[i], i));
    backends[i].model = models[i];
    if (!labels.empty()) backends[i].label = labels[i];
    if (types.empty()) continue;
    ROUTER_RETURN_IF_ERROR(CheckModelType(types[i], i));
    backends[i].model_type = types[i];
  }
  ROUTER_RETURN_IF_ERROR(CheckDistinct(backends));
  return backends;
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseStaticAliases(
    std::string_view aliases, const std::vector<StaticBackend>& backends,
    std::vector<std::string>* warnings) {
  std::vector<std::pair<std::string, std::string>> result;
  ROUTER_ASSIGN_OR_RETURN(const Entries entries, SplitEntries("--static-aliases", aliases));
  for (size_t i = 0; i < entries.size(); ++i) {
    ROUTER_ASSIGN_OR_RETURN(auto alias, SplitAlias(entries[i], i, backends));
    const auto same = [&](const auto& other) { return other.first == alias.first; };
    if (std::any_of(result.begin(), result.end(), same)) {
      return BadEntry("--static-aliases", entries[i], i, "the alias is given twice");
    }
    if (!Serves(backends, alias.second)) {
      warnings->push_back(
          absl::StrFormat("--static-aliases '%s' (entry %d): no backend serves the model '%s'",
                          base::Printable(entries[i]), i + 1, base::Printable(alias.second)));
    }
    if (Serves(backends, alias.first)) {
      warnings->push_back(absl::StrFormat(
          "--static-aliases '%s' (entry %d) hides the model '%s', which a backend serves",
          base::Printable(entries[i]), i + 1, base::Printable(alias.first)));
    }
    result.push_back(std::move(alias));
  }
  return result;
}

}  // namespace vllm_router::app
