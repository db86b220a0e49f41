// Reads a multipart/form-data body (RFC 7578) in the pieces in which it arrives: small form fields
// into BodyFacts, uploaded files only hashed and counted. Keeps no more of the body than one part's
// head or one delimiter's length. One per connection, reused; not thread-safe.
#ifndef TOOLS_FAKE_ENGINE_MULTIPART_SCAN_H_
#define TOOLS_FAKE_ENGINE_MULTIPART_SCAN_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/fake_engine/body_facts.h"

namespace vllm_router::fake_engine {

class MultipartScan {
 public:
  // `content_type` is the request's field value; without a boundary in it the body counts as
  // broken.
  void Begin(std::string_view content_type, BodyFacts* facts);
  void Feed(std::string_view piece);
  void Finish();

 private:
  enum class State : uint8_t { kPreamble, kAfterDelimiter, kPartHead, kPartBody, kDone, kBroken };
  static constexpr size_t kMaxPartHead = 4096;
  static constexpr size_t kMaxField = 512;

  bool Step();
  void ReadPartHead(std::string_view head);
  void PartBytes(std::string_view bytes);
  void EndPart();

  BodyFacts* facts_ = nullptr;
  State state_ = State::kBroken;
  std::string delimiter_;  // CRLF, two dashes, boundary
  std::string window_;     // what has come and is not dealt with
  std::string name_;
  bool is_file_ = false;
  std::string field_;
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_MULTIPART_SCAN_H_
