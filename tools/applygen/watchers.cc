#include "tools/applygen/watchers.h"

#include <algorithm>
#include <utility>

namespace vllm_router::applygen {
namespace {

// How often a reader without news looks whether it is done.
constexpr absl::Duration kGlance = absl::Milliseconds(200);
constexpr absl::Duration kPatienceToOpen = absl::Seconds(30);

}  // namespace

absl::StatusOr<std::unique_ptr<Watchers>> Watchers::Open(const std::string& address,
                                                         uint64_t readers, uint64_t stalled) {
  ClientOptions options;
  options.address = address;
  auto watchers = std::make_unique<Watchers>();
  for (uint64_t i = 0; i < readers + stalled; ++i) {
    auto reader = std::make_unique<Reader>();
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(options);
    if (!client.ok()) return client.status();
    reader->client = *std::move(client);
    reader->watch = reader->client->WatchConfig({});
    if (!ReadOne(absl::Now() + kPatienceToOpen, reader.get()) || reader->seen.empty()) {
      return absl::UnavailableError("a stream of WatchConfig could not be opened");
    }
    (i < readers ? watchers->readers_ : watchers->stalled_).push_back(std::move(reader));
  }
  for (const auto& reader : watchers->readers_) {
    reader->thread =
        std::thread([&watchers = *watchers, &reader = *reader] { watchers.Read(&reader); });
  }
  return watchers;
}

Watchers::~Watchers() {
  last_generation_ = 0;
  for (const auto& reader : readers_) {
    if (reader->thread.joinable()) reader->thread.join();
  }
}

bool Watchers::ReadOne(absl::Time deadline, Reader* reader) {
  const absl::StatusOr<v1::WatchConfigResponse> event = reader->watch->Next(deadline);
  if (!event.ok()) return absl::IsDeadlineExceeded(event.status());
  if (event->has_bookmark() && !reader->seen.empty()) return true;
  reader->seen.push_back({absl::Now(), event->generation(), event->skipped_generations()});
  return true;
}

void Watchers::Read(Reader* reader) const {
  while (reader->seen.back().generation < last_generation_) {
    const absl::Time now = absl::Now();
    if (absl::ToUnixNanos(now) > give_up_at_ns_ || !ReadOne(now + kGlance, reader)) return;
  }
}

Watchers::Result Watchers::FinishAt(uint64_t generation, const EffectTimes& effects,
                                    absl::Duration patience) {
  give_up_at_ns_ = absl::ToUnixNanos(absl::Now() + patience);
  last_generation_ = generation;
  Result result;
  for (const auto& reader : readers_) {
    reader->thread.join();
    Judge(*reader, generation, &result);
    result.messages += reader->seen.size();
    for (const auto& [effect_generation, effect] : effects) {
      const auto found = std::find_if(
          reader->seen.begin(), reader->seen.end(),
          [wanted = effect_generation](const Seen& seen) { return seen.generation >= wanted; });
      if (found == reader->seen.end()) continue;
      result.lateness.Record(absl::ToInt64Nanoseconds(found->at - effect));
    }
  }
  for (const auto& reader : stalled_) {
    const size_t before = reader->seen.size();
    Read(reader.get());
    Judge(*reader, generation, &result);
    result.late_messages += reader->seen.size() - before;
  }
  return result;
}

void Watchers::Judge(const Reader& reader, uint64_t generation, Result* result) {
  result->incomplete += reader.seen.back().generation < generation;
  for (size_t i = 1; i < reader.seen.size(); ++i) {
    const Seen& seen = reader.seen[i];
    const uint64_t before = reader.seen[i - 1].generation;
    result->skipped += seen.skipped;
    if (seen.generation <= before) {
      ++result->disordered;
      continue;
    }
    const uint64_t came = 1 + seen.skipped;
    const uint64_t steps = seen.generation - before;
    result->unaccounted += steps > came ? steps - came : came - steps;
  }
}

}  // namespace vllm_router::applygen
