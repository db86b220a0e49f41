#include "server/openai/multipart.h"

#include <algorithm>
#include <utility>

#include "server/base/strings.h"
#include "server/openai/form_delimiters.h"
#include "server/openai/form_parameters.h"
#include "server/openai/model_name.h"
#include "simdjson.h"

namespace vllm_router::openai {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// True for `name` itself and for its encoded and continued forms (RFC 2231: name*, name*0,
// name*0*).
bool IsFormOf(std::string_view name, std::string_view parameter) {
  return base::EqualsIgnoreCase(parameter.substr(0, name.size()), name) &&
         (parameter.size() == name.size() || parameter[name.size()] == '*');
}

bool IsHarmlessCharset(std::string_view charset) {
  return base::EqualsIgnoreCase(charset, "utf-8") || base::EqualsIgnoreCase(charset, "utf8") ||
         base::EqualsIgnoreCase(charset, "us-ascii") || base::EqualsIgnoreCase(charset, "ascii");
}

bool IsIdentityEncoding(std::string_view encoding) {
  return base::EqualsIgnoreCase(encoding, "7bit") || base::EqualsIgnoreCase(encoding, "8bit") ||
         base::EqualsIgnoreCase(encoding, "binary");
}

// The header of one part.
struct Part {
  std::string_view name;
  bool has_disposition = false;
  bool is_file = false;
  bool is_encoded = false;
};

// `value` of Content-Disposition. False: not one that every parser reads alike.
bool ReadDisposition(std::string_view value, Part* part) {
  if (std::exchange(part->has_disposition, true)) return false;
  FormParameters parameters(value);
  if (!base::EqualsIgnoreCase(parameters.head(), "form-data")) return false;
  bool has_name = false;
  FormParameter parameter;
  while (parameters.Next(&parameter)) {
    if (IsFormOf("filename", parameter.name)) part->is_file = true;
    if (!IsFormOf("name", parameter.name)) continue;
    const bool is_plain = parameter.name.size() == std::string_view("name").size() &&
                          parameter.value.find('\\') == std::string_view::npos;
    if (!is_plain || has_name) return false;
    has_name = true;
    part->name = parameter.value;
  }
  return has_name && !parameters.malformed();
}

bool IsHeaderName(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  return !name.empty() && is_letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

// One line of a part's header, without its line end.
bool ReadHeaderLine(std::string_view line, Part* part) {
  if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) return false;
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = line.substr(0, colon);
  // Not a folded line, not a delimiter whose boundary has a colon, no white space before the colon.
  if (!IsHeaderName(name)) return false;
  const std::string_view value = base::TrimOws(line.substr(colon + 1));
  if (base::EqualsIgnoreCase(name, "Content-Disposition")) return ReadDisposition(value, part);
  if (base::EqualsIgnoreCase(name, "Content-Transfer-Encoding") && !IsIdentityEncoding(value)) {
    part->is_encoded = true;
  }
  return true;
}

// `header` ends with the line end of its last line.
bool ReadPartHeader(std::string_view header, Part* part) {
  while (!header.empty()) {
    const size_t end = header.find(kLineEnd);
    if (!ReadHeaderLine(header.substr(0, end), part)) return false;
    header.remove_prefix(end + kLineEnd.size());
  }
  return part->has_disposition;
}

// Collects the fields that matter; `data` is a view into `body`.
class FieldReader {
 public:
  FieldReader(std::string_view body, std::string_view session_key, MultipartView* out)
      : body_(body), session_key_(session_key), out_(out) {
    *out_ = MultipartView();
  }

  const RequestError* Take(const Part& part, std::string_view data) {
    if (part.name == "model") {
      if (std::exchange(has_model_, true)) return &errors::kDuplicateModel;
      if (part.is_file || part.is_encoded) return &errors::kInvalidMultipart;
      out_->model = data;
      out_->model_value_offset = static_cast<size_t>(data.data() - body_.data());
      out_->model_value_length = data.size();
    }
    if (part.is_file) return nullptr;
    if (part.name == "stream") out_->stream = base::EqualsIgnoreCase(data, "true");
    if (!session_key_.empty() && part.name == session_key_) out_->session_id = data;
    return nullptr;
  }

  const RequestError* Finish() const {
    if (out_->model.empty()) return &errors::kMissingModelInForm;
    if (const RequestError* error = CheckModelName(out_->model)) return error;
    return simdjson::validate_utf8(out_->model) ? nullptr : &errors::kModelNotUtf8;
  }

 private:
  std::string_view body_;
  std::string_view session_key_;
  MultipartView* out_;
  bool has_model_ = false;
};

}  // namespace

std::optional<std::string_view> ParseBoundary(std::string_view content_type) {
  FormParameters parameters(content_type);
  if (!base::EqualsIgnoreCase(parameters.head(), "multipart/form-data")) return std::nullopt;
  std::optional<std::string_view> boundary;
  FormParameter parameter;
  while (parameters.Next(&parameter)) {
    const bool is_encoded = parameter.name.find('*') != std::string_view::npos;
    if (IsFormOf("charset", parameter.name)) {
      if (is_encoded || !IsHarmlessCharset(parameter.value)) return std::nullopt;
    } else if (IsFormOf("boundary", parameter.name)) {
      const bool has_space = parameter.value.find(' ') != std::string_view::npos;
      if (is_encoded || boundary || (has_space && !parameter.quoted)) return std::nullopt;
      boundary = parameter.value;
    }
  }
  if (parameters.malformed() || !boundary || !IsFormBoundary(*boundary)) return std::nullopt;
  return boundary;
}

const RequestError* ScanMultipart(std::string_view body, std::string_view boundary,
                                  std::string_view session_key, MultipartView* out) {
  if (!IsFormBoundary(boundary)) return &errors::kInvalidMultipart;
  const FormDelimiters delimiters(body, boundary);
  FieldReader reader(body, session_key, out);
  FormDelimiter delimiter;
  if (!delimiters.First(&delimiter)) return &errors::kInvalidMultipart;

  for (size_t parts = 0; !delimiter.closes; ++parts) {
    if (parts == kMaxParts) return &errors::kInvalidMultipart;
    constexpr std::string_view kHeaderEnd = "\r\n\r\n";
    const size_t header = delimiter.end;
    const size_t header_size = body.substr(header, kMaxPartHeaderBytes).find(kHeaderEnd);
    if (header_size == std::string_view::npos) return &errors::kInvalidMultipart;
    Part part;
    if (!ReadPartHeader(body.substr(header, header_size + kLineEnd.size()), &part)) {
      return &errors::kInvalidMultipart;
    }
    const size_t data = header + header_size + kHeaderEnd.size();
    if (!delimiters.Next(data, &delimiter)) return &errors::kInvalidMultipart;
    if (const RequestError* error = reader.Take(part, body.substr(data, delimiter.begin - data))) {
      return error;
    }
  }
  if (delimiters.OccursBehind(delimiter.end)) return &errors::kInvalidMultipart;
  return reader.Finish();
}

std::string SpliceModel(std::string_view body, const MultipartView& view,
                        std::string_view new_model) {
  std::string out;
  out.reserve(body.size() - view.model_value_length + new_model.size());
  out.append(body.substr(0, view.model_value_offset));
  out.append(new_model);
  out.append(body.substr(view.model_value_offset + view.model_value_length));
  return out;
}

}  // namespace vllm_router::openai
