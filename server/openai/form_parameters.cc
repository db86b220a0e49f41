#include "server/openai/form_parameters.h"

#include <algorithm>

#include "server/base/strings.h"

namespace vllm_router::openai {
namespace {

// Length of a quoted string at the head of `s`, both quotes included; 0 if it does not end.
size_t QuotedLength(std::string_view s) {
  for (size_t i = 1; i < s.size(); ++i) {
    const bool escapes = s[i] == '\\' && i + 1 < s.size() && (s[i + 1] == '"' || s[i + 1] == '\\');
    if (escapes) {
      ++i;
    } else if (s[i] == '"') {
      return i + 1;
    }
  }
  return 0;
}

}  // namespace

FormParameters::FormParameters(std::string_view field_value) {
  const size_t end = std::min(field_value.find(';'), field_value.size());
  head_ = base::TrimOws(field_value.substr(0, end));
  rest_ = field_value.substr(end);
}

bool FormParameters::Malformed() {
  malformed_ = true;
  rest_ = {};
  return false;
}

bool FormParameters::Next(FormParameter* out) {
  // Empty parameters ("a;; b=c;") mean nothing.
  rest_.remove_prefix(std::min(rest_.find_first_not_of("; \t"), rest_.size()));
  if (rest_.empty()) return false;

  const size_t equals = rest_.find('=');
  if (equals == std::string_view::npos) return Malformed();
  out->name = rest_.substr(0, equals);
  if (out->name.empty() || out->name.find_first_of("; \t\"") != std::string_view::npos) {
    return Malformed();
  }
  rest_.remove_prefix(equals + 1);

  out->quoted = rest_.starts_with('"');
  if (out->quoted) {
    const size_t length = QuotedLength(rest_);
    if (length == 0) return Malformed();
    out->value = rest_.substr(1, length - 2);
    // Python's parser, for one, takes the quote in `"a\\"` for an escaped one.
    if (out->value.ends_with('\\')) return Malformed();
    rest_.remove_prefix(length);
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    return rest_.empty() || rest_[0] == ';' || Malformed();
  }
  const size_t end = std::min(rest_.find(';'), rest_.size());
  out->value = base::TrimOws(rest_.substr(0, end));
  rest_.remove_prefix(end);
  return out->value.find('"') == std::string_view::npos || Malformed();
}

}  // namespace vllm_router::openai
