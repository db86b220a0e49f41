// A reader of configuration deltas, as proto/router.proto describes it.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "server/admin/config_delta.h"

namespace vllm_router::admin {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::ElementsAreArray;

std::vector<std::string> NamesOf(const v1::Config& config) {
  std::vector<std::string> names;
  for (const auto& backend : config.backends()) names.push_back(backend.name());
  return names;
}

void Apply(const v1::ConfigDelta& delta, v1::Config* known) {
  const auto erase = [&](auto& list, const std::string& name) {
    list.erase(std::remove_if(list.begin(), list.end(), [&](auto& r) { return r.name() == name; }),
               list.end());
  };
  const auto put = [](auto& list, const auto& resource) {
    for (auto& one : list) {
      if (one.name() == resource.name()) return void(one = resource);
    }
    *list.Add() = resource;
  };
  for (const std::string& name : delta.deleted()) {
    erase(*known->mutable_backends(), name);
    erase(*known->mutable_callbacks(), name);
  }
  for (const v1::ConfigResource& resource : delta.upserted()) {
    if (resource.has_backend()) put(*known->mutable_backends(), resource.backend());
    if (resource.has_callback()) put(*known->mutable_callbacks(), resource.callback());
    if (resource.has_limits()) *known->mutable_limits() = resource.limits();
  }
  if (delta.backend_order().empty()) return;
  v1::Config ordered;
  for (const std::string& name : delta.backend_order()) {
    for (const v1::Backend& backend : known->backends()) {
      if (backend.name() == name) *ordered.add_backends() = backend;
    }
  }
  known->mutable_backends()->Swap(ordered.mutable_backends());
}

// The next generation, by one change of any kind.
v1::Config AnyChange(v1::Config config, std::mt19937& random) {
  config.set_generation(config.generation() + 1);
  auto& backends = *config.mutable_backends();
  const auto change = [&](auto& list, const std::string& name) {
    const auto found =
        std::find_if(list.begin(), list.end(), [&](auto& r) { return r.name() == name; });
    if (found == list.end()) {
      list.Add()->set_name(name);
      list.Mutable(list.size() - 1)->set_generation(config.generation());
    } else if (random() % 2 == 0) {
      list.erase(found);
    } else {
      found->set_generation(config.generation());
    }
  };
  switch (random() % 4) {
    case 0:
      std::shuffle(backends.pointer_begin(), backends.pointer_end(), random);
      break;
    case 1:
      config.mutable_limits()->set_generation(config.generation());
      break;
    case 2:
      change(*config.mutable_callbacks(), "callbacks/" + std::to_string(random() % 3));
      break;
    default:
      change(backends, "backends/" + std::to_string(random() % 6));
      break;
  }
  return config;
}

TEST(ConfigReader, IsWhereWeAreAfterEachDeltaHoweverManyStepsItMissed) {
  std::mt19937 random(1);
  v1::Config now;
  v1::Config reader = now;
  for (int step = 0; step < 500; ++step) {
    const v1::Config before = now;
    for (uint64_t merged = 1 + random() % 5; merged > 0; --merged) now = AnyChange(now, random);
    const v1::ConfigDelta delta = DeltaBetween(before, now);
    Apply(delta, &reader);
    Apply(delta, &reader);  // around a resume, steps may arrive twice
    ASSERT_THAT(NamesOf(reader), ElementsAreArray(NamesOf(now))) << "step " << step;
    reader.set_generation(now.generation());
    MessageDifferencer as_sets;
    as_sets.TreatAsSet(v1::Config::descriptor()->FindFieldByName("callbacks"));
    ASSERT_TRUE(as_sets.Compare(reader, now)) << "step " << step << "\n" << delta.DebugString();
  }
}

}  // namespace
}  // namespace vllm_router::admin
