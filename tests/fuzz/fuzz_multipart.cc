// The multipart scanner against a slow one that cuts the whole body at every delimiter first. The
// input's first line is the Content-Type; the boundary is "B" if that names none.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/openai/model_name.h"
#include "server/openai/multipart.h"
#include "tests/fuzz/fuzz_check.h"

namespace vllm_router::openai {
namespace {

// The parts between the delimiters, header and all, of a body that the scanner has accepted.
std::vector<std::string> Cut(const std::string& body, std::string_view boundary) {
  const std::string delimiter = "\r\n--" + std::string(boundary);
  std::string rest = "\r\n" + body;
  std::vector<std::string> parts;
  for (bool first = true;; first = false) {
    const size_t end = rest.find(delimiter);
    FUZZ_CHECK(end != std::string::npos);
    if (!first) parts.push_back(rest.substr(0, end));
    rest.erase(0, end + delimiter.size());
    if (rest.starts_with("--")) return parts;
    FUZZ_CHECK(rest.starts_with("\r\n"));
    rest.erase(0, 2);
  }
}

void CheckAccepted(const std::string& body, std::string_view boundary, const MultipartView& view) {
  FUZZ_CHECK(view.model.data() == body.data() + view.model_value_offset);
  FUZZ_CHECK(view.model.size() == view.model_value_length);
  FUZZ_CHECK(CheckModelName(view.model) == nullptr);

  const std::vector<std::string> parts = Cut(body, boundary);
  FUZZ_CHECK(!parts.empty() && parts.size() <= kMaxParts);
  size_t models = 0;
  for (const std::string& part : parts) {
    const size_t header_end = part.find("\r\n\r\n");
    FUZZ_CHECK(header_end != std::string::npos && header_end <= kMaxPartHeaderBytes);
    const std::string header = part.substr(0, header_end);
    // A value may be quoted or not, so look only for what both have in common.
    if (header.find("model") != std::string::npos && part.substr(header_end + 4) == view.model)
      ++models;
  }
  FUZZ_CHECK(models >= 1);

  const std::string spliced = SpliceModel(body, view, "another/model");
  MultipartView again;
  FUZZ_CHECK(ScanMultipart(spliced, boundary, "user", &again) == nullptr);
  FUZZ_CHECK(again.model == "another/model");
  FUZZ_CHECK(again.model_value_offset == view.model_value_offset);
  FUZZ_CHECK(again.stream == view.stream && again.session_id == view.session_id);
}

void CheckBody(const std::string& body, std::string_view boundary) {
  MultipartView view;
  const RequestError* error = ScanMultipart(body, boundary, "user", &view);
  if (error != nullptr) {
    FUZZ_CHECK(error->status == 400);
  } else {
    CheckAccepted(body, boundary, view);
  }
}

}  // namespace
}  // namespace vllm_router::openai

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vllm_router::openai;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const size_t line_end = input.find('\n');
  if (line_end == std::string::npos) return 0;
  const std::string content_type = input.substr(0, line_end);
  const std::optional<std::string_view> boundary = ParseBoundary(content_type);
  if (boundary) FUZZ_CHECK(content_type.find(*boundary) != std::string::npos);
  // A copy of its own size, so that a look behind it is an error to the sanitizers.
  const std::string body = input.substr(line_end + 1);
  CheckBody(body, boundary.value_or("B"));
  CheckBody(body, "B");
  return 0;
}
