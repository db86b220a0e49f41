// Subtraction and addition of the entries of a StatsTable, field by field. Kinds of fields are told
// apart by their types: Histogram, CauseCount and Duration are counters, whole numbers are counters
// unless listed as gauges, and everything else (names, states, rates, what an engine reports) is
// the value of its moment. Pure functions; thread-safe.
#ifndef SERVER_ADMIN_STATS_FIELDS_H_
#define SERVER_ADMIN_STATS_FIELDS_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

namespace vllm_router::admin {

// A number that is a value of its moment; the other whole numbers of the statistics are counters.
bool IsGauge(const google::protobuf::FieldDescriptor& field);

// Sets the empty `delta` to `after` with the counters of `before` taken off. Returns whether
// anything moved. All three are of one type.
bool SubtractStats(const google::protobuf::Message& before, const google::protobuf::Message& after,
                   google::protobuf::Message* delta);

// Adds a later delta: counters add up, everything else is that of `next`.
void AddStats(const google::protobuf::Message& next, google::protobuf::Message* into);

}  // namespace vllm_router::admin

#endif  // SERVER_ADMIN_STATS_FIELDS_H_
