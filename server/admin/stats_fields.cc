#include "server/admin/stats_fields.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "proto/router.pb.h"

namespace vllm_router::admin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::TimeUtil;
using ProtoDuration = google::protobuf::Duration;

std::vector<const FieldDescriptor*> Gauges() {
  std::vector<const FieldDescriptor*> gauges;
  const auto add = [&](const Descriptor* message, std::initializer_list<int> numbers) {
    for (const int number : numbers) gauges.push_back(message->FindFieldByNumber(number));
  };
  add(v1::TrafficStats::descriptor(),
      {v1::TrafficStats::kInPrefillFieldNumber, v1::TrafficStats::kInDecodeFieldNumber});
  add(v1::RouterStats::descriptor(),
      {v1::RouterStats::kGenerationFieldNumber, v1::RouterStats::kClientConnectionsFieldNumber,
       v1::RouterStats::kQueuedRequestsFieldNumber, v1::RouterStats::kBlockedStreamsFieldNumber,
       v1::RouterStats::kResidentBytesFieldNumber, v1::RouterStats::kAdminWatchersFieldNumber});
  add(v1::BackendStats::descriptor(), {v1::BackendStats::kConnectionsOpenFieldNumber,
                                       v1::BackendStats::kConnectionsIdleFieldNumber});
  add(v1::CallbackStats::descriptor(), {v1::CallbackStats::kInFlightFieldNumber});
  add(v1::ShardStats::descriptor(),
      {v1::ShardStats::kClientConnectionsFieldNumber, v1::ShardStats::kInFlightFieldNumber,
       v1::ShardStats::kGenerationFieldNumber});
  std::sort(gauges.begin(), gauges.end());
  return gauges;
}

// Counters that could go down would be a fault elsewhere; they are shown as not moved.
uint64_t Difference(uint64_t before, uint64_t after) { return after > before ? after - before : 0; }

void Put(uint32_t bucket, uint64_t count, v1::Histogram* out) {
  if (count == 0) return;
  out->add_buckets(bucket);
  out->add_counts(count);
}

// The buckets of both in their order, each with what `combine` makes of the two counts.
template <typename Combine>
v1::Histogram Combined(const v1::Histogram& a, const v1::Histogram& b, Combine combine) {
  v1::Histogram out;
  int i = 0;
  int j = 0;
  while (i < a.buckets_size() || j < b.buckets_size()) {
    const uint32_t from_a = i < a.buckets_size() ? a.buckets(i) : UINT32_MAX;
    const uint32_t from_b = j < b.buckets_size() ? b.buckets(j) : UINT32_MAX;
    const uint64_t count_a = from_a <= from_b ? a.counts(i++) : 0;
    const uint64_t count_b = from_b <= from_a ? b.counts(j++) : 0;
    Put(std::min(from_a, from_b), combine(count_a, count_b), &out);
  }
  return out;
}

uint64_t CountOf(const v1::TrafficStats& traffic, v1::RequestCause cause) {
  for (const v1::CauseCount& known : traffic.requests_failed()) {
    if (known.cause() == cause) return known.count();
  }
  return 0;
}

bool SubtractCauses(const v1::TrafficStats& before, const v1::TrafficStats& after,
                    v1::TrafficStats* delta) {
  for (const v1::CauseCount& now : after.requests_failed()) {
    const uint64_t added = Difference(CountOf(before, now.cause()), now.count());
    if (added == 0) continue;
    v1::CauseCount& count = *delta->add_requests_failed();
    count.set_cause(now.cause());
    count.set_count(added);
  }
  return delta->requests_failed_size() > 0;
}

void AddCauses(const v1::TrafficStats& next, v1::TrafficStats* into) {
  for (const v1::CauseCount& added : next.requests_failed()) {
    auto& all = *into->mutable_requests_failed();
    auto place = std::find_if(all.begin(), all.end(), [&](const v1::CauseCount& known) {
      return known.cause() >= added.cause();
    });
    if (place == all.end() || place->cause() != added.cause()) {
      const auto index = static_cast<int>(place - all.begin());
      all.Add()->set_cause(added.cause());
      for (int i = all.size() - 1; i > index; --i) all.SwapElements(i, i - 1);
      place = all.begin() + index;
    }
    place->set_count(place->count() + added.count());
  }
}

// What is known of an engine is something else only when another attempt to read it has ended: the
// age of its report grows by itself.
bool SameReport(const v1::EngineReport& a, const v1::EngineReport& b) {
  return TimeUtil::TimestampToNanoseconds(a.attempt_time()) ==
         TimeUtil::TimestampToNanoseconds(b.attempt_time());
}

// Takes over a field that is no counter. Returns whether it differs.
bool TakeValue(const Message& before, const Message& after, const FieldDescriptor& field,
               Message* out) {
  const Reflection& of = *after.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string value = of.GetString(after, &field);
      const bool differs = value != of.GetString(before, &field);
      of.SetString(out, &field, std::move(value));
      return differs;
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int value = of.GetEnumValue(after, &field);
      of.SetEnumValue(out, &field, value);
      return value != of.GetEnumValue(before, &field);
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      const double value = of.GetDouble(after, &field);
      of.SetDouble(out, &field, value);
      return value != of.GetDouble(before, &field);
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      const uint32_t value = of.GetUInt32(after, &field);
      of.SetUInt32(out, &field, value);
      return value != of.GetUInt32(before, &field);
    }
    default: {
      const uint64_t value = of.GetUInt64(after, &field);
      of.SetUInt64(out, &field, value);
      return value != of.GetUInt64(before, &field);
    }
  }
}

bool SubtractMessage(const Message& before, const Message& after, Message* delta) {
  if (const auto* now = dynamic_cast<const v1::Histogram*>(&after); now != nullptr) {
    const auto& earlier = static_cast<const v1::Histogram&>(before);
    auto& out = static_cast<v1::Histogram&>(*delta);
    out = Combined(earlier, *now, Difference);
    out.set_sum_seconds(std::max(0.0, now->sum_seconds() - earlier.sum_seconds()));
    return out.buckets_size() > 0;
  }
  if (const auto* now = dynamic_cast<const ProtoDuration*>(&after); now != nullptr) {
    const int64_t added =
        TimeUtil::DurationToNanoseconds(*now) -
        TimeUtil::DurationToNanoseconds(static_cast<const ProtoDuration&>(before));
    static_cast<ProtoDuration&>(*delta) =
        TimeUtil::NanosecondsToDuration(std::max<int64_t>(added, 0));
    return added > 0;
  }
  if (const auto* now = dynamic_cast<const v1::EngineReport*>(&after); now != nullptr) {
    delta->CopyFrom(*now);
    return !SameReport(static_cast<const v1::EngineReport&>(before), *now);
  }
  return SubtractStats(before, after, delta);
}

void AddMessage(const Message& next, Message* into) {
  if (const auto* added = dynamic_cast<const v1::Histogram*>(&next); added != nullptr) {
    auto& out = static_cast<v1::Histogram&>(*into);
    const double sum = out.sum_seconds() + added->sum_seconds();
    out = Combined(out, *added, [](uint64_t a, uint64_t b) { return a + b; });
    out.set_sum_seconds(sum);
  } else if (const auto* time = dynamic_cast<const ProtoDuration*>(&next); time != nullptr) {
    static_cast<ProtoDuration&>(*into) += *time;
  } else if (next.GetDescriptor() == v1::EngineReport::descriptor()) {
    into->CopyFrom(next);
  } else {
    AddStats(next, into);
  }
}

}  // namespace

bool IsGauge(const FieldDescriptor& field) {
  static const std::vector<const FieldDescriptor*>& gauges = *new auto(Gauges());
  return std::binary_search(gauges.begin(), gauges.end(), &field);
}

bool SubtractStats(const Message& before, const Message& after, Message* delta) {
  const Descriptor& type = *after.GetDescriptor();
  const Reflection& of = *after.GetReflection();
  bool moved = false;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.is_repeated()) {
      moved |= SubtractCauses(static_cast<const v1::TrafficStats&>(before),
                              static_cast<const v1::TrafficStats&>(after),
                              static_cast<v1::TrafficStats*>(delta));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!of.HasField(after, &field)) continue;
      moved |= SubtractMessage(of.GetMessage(before, &field), of.GetMessage(after, &field),
                               of.MutableMessage(delta, &field));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64 && !IsGauge(field)) {
      const uint64_t added = Difference(of.GetUInt64(before, &field), of.GetUInt64(after, &field));
      of.SetUInt64(delta, &field, added);
      moved |= added > 0;
    } else {
      moved |= TakeValue(before, after, field, delta);
    }
  }
  return moved;
}

void AddStats(const Message& next, Message* into) {
  const Descriptor& type = *next.GetDescriptor();
  const Reflection& of = *next.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.is_repeated()) {
      AddCauses(static_cast<const v1::TrafficStats&>(next), static_cast<v1::TrafficStats*>(into));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (of.HasField(next, &field))
        AddMessage(of.GetMessage(next, &field), of.MutableMessage(into, &field));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64 && !IsGauge(field)) {
      of.SetUInt64(into, &field, of.GetUInt64(*into, &field) + of.GetUInt64(next, &field));
    } else {
      TakeValue(*into, next, field, into);
    }
  }
}

}  // namespace vllm_router::admin
