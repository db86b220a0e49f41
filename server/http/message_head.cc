// Both head parsers: Beast's event parser finds the lines and fields, everything that decides is
// ours.
#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "server/http/faults.h"
#include "server/http/field_id.h"
#include "server/http/framing_check.h"
#include "server/http/head.h"
#include "server/http/request_target.h"

namespace vllm_router::http {
namespace {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using BeastView = beast::string_view;

// Enough for what clients and engines send, so that a new head grows its vector once.
constexpr size_t kUsualFields = 32;

std::string_view StdView(BeastView s) { return {s.data(), s.size()}; }

Method ToMethod(bhttp::verb verb) {
  switch (verb) {
    case bhttp::verb::get:
      return Method::kGet;
    case bhttp::verb::head:
      return Method::kHead;
    case bhttp::verb::post:
      return Method::kPost;
    case bhttp::verb::put:
      return Method::kPut;
    case bhttp::verb::delete_:
      return Method::kDelete;
    case bhttp::verb::patch:
      return Method::kPatch;
    case bhttp::verb::options:
      return Method::kOptions;
    case bhttp::verb::trace:
      return Method::kTrace;
    case bhttp::verb::connect:
      return Method::kConnect;
    default:
      return Method::kOther;
  }
}

// Beast joins a folded value in a buffer of its own, or returns what stands on the second line.
bool IsFolded(std::string_view head, std::string_view name, std::string_view value) {
  const std::less<const char*> before;
  const char* const after_colon = name.data() + name.size() + 1;
  if (before(value.data(), after_colon) || before(head.data() + head.size(), value.data())) {
    return true;
  }
  for (const char* p = after_colon; p != value.data(); ++p) {
    if (*p == '\r') return true;
  }
  return false;
}

// Collects what Beast finds as slices of one head. Lives for one parse, on the stack.
template <bool kIsRequest>
class Collector final : public bhttp::basic_parser<kIsRequest> {
 public:
  using Head = std::conditional_t<kIsRequest, RequestHead, ResponseHead>;

  Collector(std::string_view head, Head* out) : head_(head), out_(out) {
    this->skip(true);  // the body is not this parser's affair, and neither are its limits
    this->header_limit(std::numeric_limits<uint32_t>::max());
    std::vector<Field> fields = std::move(out->fields);  // for its capacity
    fields.clear();
    fields.reserve(kUsualFields);
    *out = Head();
    out->fields = std::move(fields);
  }

  // Every byte of the head was a part of it.
  bool Run(beast::error_code* error) {
    const size_t used = this->put(boost::asio::const_buffer(head_.data(), head_.size()), *error);
    return !*error && used == head_.size();
  }

  std::string_view target() const { return target_; }
  bool folded() const { return folded_; }

 private:
  Slice SliceOf(std::string_view part) const {
    return {static_cast<uint32_t>(part.data() - head_.data()), static_cast<uint32_t>(part.size())};
  }

  void on_request_impl(bhttp::verb verb, BeastView method, BeastView target, int version,
                       beast::error_code&) override {
    if constexpr (kIsRequest) {
      out_->method = ToMethod(verb);
      out_->method_text = SliceOf(StdView(method));
      out_->version_minor = static_cast<uint8_t>(version % 10);
      target_ = StdView(target);
    }
  }

  void on_response_impl(int status, BeastView, int version, beast::error_code&) override {
    if constexpr (!kIsRequest) {
      out_->status = status;
      out_->version_minor = static_cast<uint8_t>(version % 10);
    }
  }

  void on_field_impl(bhttp::field, BeastView beast_name, BeastView beast_value,
                     beast::error_code& error) override {
    const std::string_view name = StdView(beast_name);
    const std::string_view value = StdView(beast_value);
    if (IsFolded(head_, name, value)) {
      folded_ = true;
      error = bhttp::error::bad_value;
      return;
    }
    // Filled in place: copying a Field that has just been put together stalls on its narrow stores.
    Field& collected = out_->fields.emplace_back();
    collected.id = FieldIdOf(name);
    collected.name = SliceOf(name);
    collected.value = SliceOf(value);
  }

  void on_header_impl(beast::error_code&) override {}
  void on_finish_impl(beast::error_code&) override {}

  // Never called: the body is skipped.
  void on_body_init_impl(const boost::optional<uint64_t>&, beast::error_code&) override {}
  size_t on_body_impl(BeastView body, beast::error_code&) override { return body.size(); }
  void on_chunk_header_impl(uint64_t, BeastView, beast::error_code&) override {}
  size_t on_chunk_body_impl(uint64_t, BeastView body, beast::error_code&) override {
    return body.size();
  }

  const std::string_view head_;
  Head* const out_;
  std::string_view target_;
  bool folded_ = false;
};

// A head whose slices fit 32 bits; far above every limit that a scanner is given.
bool FitsSlices(std::string_view head) {
  return head.size() < std::numeric_limits<uint32_t>::max() / 2;
}

// The version as the request line's third part, after exactly two spaces: "HTTP/" DIGIT "." DIGIT.
bool HasWellFormedVersion(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const size_t target = line.find(' ') + 1;
  const size_t space = line.find(' ', target);
  if (target == 0 || space == std::string_view::npos) return false;
  const std::string_view version = line.substr(space + 1);
  const auto is_digit = [&](size_t i) { return version[i] >= '0' && version[i] <= '9'; };
  return version.size() == 8 && version.substr(0, 5) == "HTTP/" && is_digit(5) &&
         version[6] == '.' && is_digit(7);
}

// Beast judges the framing fields as it meets them, so the one it stops at is not among the fields
// yet.
const Fault* LengthOrCodingFault(bhttp::error error, const MessageHead& head, bool request) {
  const bool coding = error == bhttp::error::bad_transfer_encoding;
  if (head.Find(coding ? FieldId::kContentLength : FieldId::kTransferEncoding) != nullptr) {
    return request ? &faults::kBothLengths : &faults::kBothResponseLengths;
  }
  if (coding) return request ? &faults::kBadTransferEncoding : &faults::kBadResponseCoding;
  return request ? &faults::kBadContentLength : &faults::kBadResponseLength;
}

const Fault* RequestFault(bhttp::error error, std::string_view bytes, const RequestHead& head) {
  switch (error) {
    case bhttp::error::bad_method:
      return &faults::kBadMethod;
    case bhttp::error::bad_target:
      return &faults::kBadTarget;
    case bhttp::error::bad_version:
      // Beast says the same of a good version with something behind it.
      return HasWellFormedVersion(bytes) ? &faults::kUnsupportedVersion : &faults::kBadVersion;
    case bhttp::error::bad_field:
      return &faults::kBadFieldName;
    case bhttp::error::bad_value:
      return &faults::kBadFieldValue;
    case bhttp::error::bad_content_length:
    case bhttp::error::multiple_content_length:
    case bhttp::error::bad_transfer_encoding:
      return LengthOrCodingFault(error, head, true);
    default:
      return &faults::kBadLine;
  }
}

const Fault* ResponseFault(bhttp::error error, const ResponseHead& head) {
  switch (error) {
    case bhttp::error::bad_version:
      return &faults::kBadResponseVersion;
    case bhttp::error::bad_status:
      return &faults::kBadResponseStatus;
    case bhttp::error::bad_field:
    case bhttp::error::bad_value:
      return &faults::kBadResponseField;
    case bhttp::error::bad_content_length:
    case bhttp::error::multiple_content_length:
    case bhttp::error::bad_transfer_encoding:
      return LengthOrCodingFault(error, head, false);
    default:
      return &faults::kBadResponseHead;
  }
}

}  // namespace

const Field* MessageHead::Find(FieldId id) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [id](const Field& f) { return f.id == id; });
  return found == fields.end() ? nullptr : &*found;
}

const Fault* ParseRequestHead(std::string_view head, RequestHead* out) {
  if (!FitsSlices(head)) return &faults::kHeadTooLarge;
  Collector<true> collector(head, out);
  beast::error_code error;
  if (!collector.Run(&error)) {
    if (collector.folded() || error == bhttp::error::header_limit) return &faults::kFolded;
    return RequestFault(static_cast<bhttp::error>(error.value()), head, *out);
  }
  if (!SplitTarget(collector.target(), head.data(), out)) return &faults::kBadTarget;
  return CheckRequestFraming(head.data(), out);
}

const Fault* ParseResponseHead(std::string_view head, bool to_head, ResponseHead* out) {
  if (!FitsSlices(head)) return &faults::kBadResponseHead;
  Collector<false> collector(head, out);
  beast::error_code error;
  if (!collector.Run(&error)) {
    if (collector.folded() || error == bhttp::error::header_limit) return &faults::kFoldedResponse;
    return ResponseFault(static_cast<bhttp::error>(error.value()), *out);
  }
  if (out->status < 100 || out->status > 599) return &faults::kBadResponseStatus;
  if (out->status == 101) return &faults::kUnwantedUpgrade;
  return CheckResponseFraming(head.data(), to_head, out);
}

}  // namespace vllm_router::http
