// What a field of a resource is to those who write it: from outside, once, or by the router alone;
// and field masks over the first kind. Pure functions; thread-safe.
#ifndef SERVER_CONFIG_FIELDS_H_
#define SERVER_CONFIG_FIELDS_H_

#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "server/config/checker.h"

namespace vllm_router::config {

// Clears what the router fills by itself ([out]): status, source, generation, times. What callers
// send goes through here.
void ClearOutputs(google::protobuf::Message& resource);
// Clears what says when a resource changed, not what it is: etag, generation, times. In a kept
// configuration `status` holds nothing but a backend's drain, which is a part of what it is.
void ClearMarks(google::protobuf::Message& resource);

// Equal but for marks.
bool SameContent(const google::protobuf::Message& a, const google::protobuf::Message& b);

// Paths of the top-level fields of `resource` that are set and may change: what an Update without
// a mask changes.
google::protobuf::FieldMask MaskOfSetFields(const google::protobuf::Message& resource);

// Paths of all fields that callers may change.
google::protobuf::FieldMask WholeMask(const google::protobuf::Descriptor& type);

// The mask stands for the whole resource: "*", or no path at all.
bool IsWhole(const google::protobuf::FieldMask& mask);

// Copies the fields of `mask` from `source` to `target`, messages of the same type; what is not set
// in `source` becomes unset. A path that does not exist or must not change is a violation of
// `update_mask`.
void MergeByMask(const google::protobuf::FieldMask& mask, const google::protobuf::Message& source,
                 google::protobuf::Message& target, const Checker& check);

}  // namespace vllm_router::config

#endif  // SERVER_CONFIG_FIELDS_H_
