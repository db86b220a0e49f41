#include "tools/routerctl/values.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "server/base/status.h"

namespace vllm_router::routerctl {
namespace {

using ::google::protobuf::EnumValueDescriptor;
using ::google::protobuf::Reflection;

absl::Status Wrong(std::string_view text, std::string_view expected) {
  return absl::InvalidArgumentError(absl::StrFormat("\"%s\" is not %s", text, expected));
}

bool HasType(const FieldDescriptor* field, std::string_view full_name) {
  return field->message_type() != nullptr && field->message_type()->full_name() == full_name;
}

// "FAILURE_MODE_", from the zero value FAILURE_MODE_UNSPECIFIED.
std::string EnumPrefix(const EnumDescriptor* type) {
  constexpr std::string_view kZero = "UNSPECIFIED";
  const std::string zero = type->value(0)->name();
  return zero.size() > kZero.size() ? zero.substr(0, zero.size() - kZero.size()) : "";
}

std::string Word(std::string name) {
  absl::AsciiStrToLower(&name);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

absl::StatusOr<int> ParseEnum(const EnumDescriptor* type, std::string_view text) {
  std::vector<std::string> words;
  const std::string wanted = Word(std::string(text));
  for (int i = 0; i < type->value_count(); ++i) {
    const EnumValueDescriptor* value = type->value(i);
    const std::string word = EnumWord(type, value->number());
    if (word == wanted || Word(value->name()) == wanted) return value->number();
    if (value->number() != 0) words.push_back(word);
  }
  return Wrong(text, "one of " + absl::StrJoin(words, ", "));
}

template <typename Int>
absl::StatusOr<Int> ParseInt(std::string_view text) {
  Int value = 0;
  // SimpleAtoi takes blanks around the digits.
  const bool digits =
      !text.empty() && !absl::ascii_isspace(text.front()) && !absl::ascii_isspace(text.back());
  if (digits && absl::SimpleAtoi(std::string(text), &value)) return value;
  return Wrong(text,
               absl::StrFormat("a whole number from %d to %d", std::numeric_limits<Int>::min(),
                               std::numeric_limits<Int>::max()));
}

absl::StatusOr<bool> ParseBool(std::string_view text) {
  for (const std::string_view word : {"true", "yes", "on"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"false", "no", "off"}) {
    if (text == word) return false;
  }
  return Wrong(text, "true or false");
}

absl::Status SetMessage(Message* value, std::string_view text) {
  const std::string type = value->GetDescriptor()->full_name();
  if (type == "google.protobuf.Duration") {
    ROUTER_ASSIGN_OR_RETURN(const absl::Duration duration, ParseDuration(text));
    SetDuration(duration, value);
    return absl::OkStatus();
  }
  if (type == "google.protobuf.Timestamp" || type == "google.protobuf.FieldMask") {
    const std::string json = absl::StrFormat("\"%s\"", absl::CEscape(std::string(text)));
    if (google::protobuf::util::JsonStringToMessage(json, value).ok()) return absl::OkStatus();
    return Wrong(text, type == "google.protobuf.Timestamp" ? "a time such as 2026-01-31T12:00:00Z"
                                                           : "a list of fields");
  }
  const auto* descriptor = value->GetDescriptor();
  if (descriptor->field_count() != 2) return Wrong(text, "a value for " + descriptor->name());
  const size_t equals = text.rfind('=');
  ROUTER_RETURN_IF_ERROR(SetValue(value, descriptor->field(0), text.substr(0, equals)));
  if (equals == std::string_view::npos) return absl::OkStatus();
  return SetValue(value, descriptor->field(1), text.substr(equals + 1));
}

std::string BytesText(uint64_t bytes) {
  constexpr std::string_view kUnits = "KMGT";
  if (bytes < 1024) return std::to_string(bytes);
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (value /= 1024; value >= 1024 && unit + 1 < kUnits.size(); value /= 1024) ++unit;
  return absl::StrFormat("%.3g%ciB", value, kUnits[unit]);
}

std::string UintText(const FieldDescriptor* field, uint64_t value) {
  const std::string& name = field->name();
  const bool bytes = name.size() > 6 && name.compare(name.size() - 6, 6, "_bytes") == 0;
  return bytes ? BytesText(value) : std::to_string(value);
}

std::string MessageText(const Message& message, absl::Time now) {
  const std::string type = message.GetDescriptor()->full_name();
  if (type == "google.protobuf.Duration") {
    // Nanoseconds of an age help nobody.
    const absl::Duration value = ToDuration(message);
    return absl::FormatDuration(absl::Trunc(
        value, value < absl::Seconds(1) ? absl::Microseconds(1) : absl::Milliseconds(1)));
  }
  if (type == "google.protobuf.Timestamp") {
    const absl::Duration age = now - ToTime(message);
    return age >= absl::ZeroDuration() ? AgeText(age) : "in " + AgeText(-age);
  }
  std::vector<std::string> parts;
  const auto* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const std::string text = FieldText(message, descriptor->field(i)->name(), now);
    if (text != "-") parts.push_back(text);
  }
  return absl::StrJoin(parts, "=");
}

// Adds the texts at `path` (already split, from `at`) of `message`.
void Collect(const Message& message, const std::vector<std::string>& path, size_t at,
             absl::Time now, std::vector<std::string>* out) {
  const Reflection* reflection = message.GetReflection();
  if (const auto* oneof = message.GetDescriptor()->FindOneofByName(path[at]); oneof != nullptr) {
    const FieldDescriptor* set = reflection->GetOneofFieldDescriptor(message, oneof);
    if (set != nullptr) out->push_back(Word(set->name()));
    return;
  }
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(path[at]);
  if (field == nullptr) return;
  const bool leaf = at + 1 == path.size();
  if (field->is_repeated()) {
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      if (leaf) {
        out->push_back(ValueText(message, field, i, now));
      } else {
        Collect(reflection->GetRepeatedMessage(message, field, i), path, at + 1, now, out);
      }
    }
    return;
  }
  if (!leaf) {
    if (reflection->HasField(message, field)) {
      Collect(reflection->GetMessage(message, field), path, at + 1, now, out);
    }
    return;
  }
  // A counter of 0 is a value; an empty text, an unset message or enum is none.
  if (field->has_presence() && !reflection->HasField(message, field)) return;
  const std::string text = ValueText(message, field, -1, now);
  if (!text.empty()) out->push_back(text);
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(std::string(text), &duration) || duration < absl::ZeroDuration() ||
      duration == absl::InfiniteDuration()) {
    return Wrong(text, "a duration such as 30s, 1m30s or 250ms");
  }
  return duration;
}

absl::Status SetValue(Message* message, const FieldDescriptor* field, std::string_view text) {
  const Reflection* reflection = message->GetReflection();
  const bool add = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      add ? reflection->AddString(message, field, std::string(text))
          : reflection->SetString(message, field, std::string(text));
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      ROUTER_ASSIGN_OR_RETURN(const bool value, ParseBool(text));
      add ? reflection->AddBool(message, field, value) : reflection->SetBool(message, field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      ROUTER_ASSIGN_OR_RETURN(const int32_t value, ParseInt<int32_t>(text));
      add ? reflection->AddInt32(message, field, value)
          : reflection->SetInt32(message, field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      ROUTER_ASSIGN_OR_RETURN(const uint32_t value, ParseInt<uint32_t>(text));
      add ? reflection->AddUInt32(message, field, value)
          : reflection->SetUInt32(message, field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      ROUTER_ASSIGN_OR_RETURN(const int64_t value, ParseInt<int64_t>(text));
      add ? reflection->AddInt64(message, field, value)
          : reflection->SetInt64(message, field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      ROUTER_ASSIGN_OR_RETURN(const uint64_t value, ParseInt<uint64_t>(text));
      add ? reflection->AddUInt64(message, field, value)
          : reflection->SetUInt64(message, field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double value = 0;
      if (!absl::SimpleAtod(std::string(text), &value)) return Wrong(text, "a number");
      add ? reflection->AddDouble(message, field, value)
          : reflection->SetDouble(message, field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      ROUTER_ASSIGN_OR_RETURN(const int value, ParseEnum(field->enum_type(), text));
      add ? reflection->AddEnumValue(message, field, value)
          : reflection->SetEnumValue(message, field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SetMessage(
          add ? reflection->AddMessage(message, field) : reflection->MutableMessage(message, field),
          text);
    default:
      return absl::UnimplementedError("no value of this kind of field can be given");
  }
}

absl::Status SetField(Message* message, std::string_view path, std::string_view text) {
  const size_t dot = path.find('.');
  const std::string name(path.substr(0, dot));
  const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(name);
  if (field == nullptr) {
    std::vector<std::string> names;
    names.reserve(static_cast<size_t>(message->GetDescriptor()->field_count()));
    for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
      names.push_back(message->GetDescriptor()->field(i)->name());
    }
    return absl::InvalidArgumentError(
        absl::StrFormat("no field \"%s\"; fields: %s", name, absl::StrJoin(names, ", ")));
  }
  if (dot == std::string_view::npos) return SetValue(message, field, text);
  if (field->message_type() == nullptr || field->is_repeated()) {
    return absl::InvalidArgumentError(absl::StrFormat("\"%s\" has no fields", name));
  }
  return SetField(message->GetReflection()->MutableMessage(message, field), path.substr(dot + 1),
                  text);
}

std::string EnumWord(const EnumDescriptor* type, int number) {
  const EnumValueDescriptor* value = type->FindValueByNumber(number);
  if (value == nullptr) return std::to_string(number);
  const std::string prefix = EnumPrefix(type);
  const bool has_prefix = value->name().compare(0, prefix.size(), prefix) == 0;
  return Word(has_prefix ? value->name().substr(prefix.size()) : value->name());
}

std::string FieldText(const Message& message, std::string_view path, absl::Time now) {
  std::vector<std::string> texts;
  Collect(message, absl::StrSplit(std::string(path), '.'), 0, now, &texts);
  return texts.empty() ? "-" : absl::StrJoin(texts, ", ");
}

std::string ValueText(const Message& message, const FieldDescriptor* field, int index,
                      absl::Time now) {
  const Reflection* reflection = message.GetReflection();
  const bool one = index < 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return one ? reflection->GetString(message, field)
                 : reflection->GetRepeatedString(message, field, index);
    case FieldDescriptor::CPPTYPE_BOOL:
      return (one ? reflection->GetBool(message, field)
                  : reflection->GetRepeatedBool(message, field, index))
                 ? "yes"
                 : "no";
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(one ? reflection->GetInt32(message, field)
                                : reflection->GetRepeatedInt32(message, field, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(one ? reflection->GetInt64(message, field)
                                : reflection->GetRepeatedInt64(message, field, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return UintText(field, one ? reflection->GetUInt32(message, field)
                                 : reflection->GetRepeatedUInt32(message, field, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return UintText(field, one ? reflection->GetUInt64(message, field)
                                 : reflection->GetRepeatedUInt64(message, field, index));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrFormat("%.4g", one ? reflection->GetDouble(message, field)
                                         : reflection->GetRepeatedDouble(message, field, index));
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = one ? reflection->GetEnumValue(message, field)
                             : reflection->GetRepeatedEnumValue(message, field, index);
      return number == 0 ? "" : EnumWord(field->enum_type(), number);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageText(one ? reflection->GetMessage(message, field)
                             : reflection->GetRepeatedMessage(message, field, index),
                         now);
    default:
      return "?";
  }
}

std::string AgeText(absl::Duration age) {
  const int64_t seconds = absl::ToInt64Seconds(age);
  constexpr int64_t kMinute = 60;
  constexpr int64_t kHour = 60 * kMinute;
  constexpr int64_t kDay = 24 * kHour;
  if (seconds < 2 * kMinute) return absl::StrFormat("%ds", seconds);
  if (seconds < 2 * kHour) return absl::StrFormat("%dm", seconds / kMinute);
  if (seconds < 2 * kDay) return absl::StrFormat("%dh", seconds / kHour);
  return absl::StrFormat("%dd", seconds / kDay);
}

absl::Duration ToDuration(const Message& duration) {
  google::protobuf::Duration value;
  value.CopyFrom(duration);
  return absl::Seconds(value.seconds()) + absl::Nanoseconds(value.nanos());
}

absl::Time ToTime(const Message& timestamp) {
  google::protobuf::Timestamp value;
  value.CopyFrom(timestamp);
  return absl::FromUnixSeconds(value.seconds()) + absl::Nanoseconds(value.nanos());
}

void SetDuration(absl::Duration value, Message* duration) {
  google::protobuf::Duration result;
  result.set_seconds(absl::IDivDuration(value, absl::Seconds(1), &value));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(value)));
  duration->CopyFrom(result);
}

bool IsDuration(const FieldDescriptor* field) { return HasType(field, "google.protobuf.Duration"); }
bool IsTimestamp(const FieldDescriptor* field) {
  return HasType(field, "google.protobuf.Timestamp");
}

}  // namespace vllm_router::routerctl
