// A client's request as callbacks have changed it: head and body in memory of its own, beside the
// session's. The head has no Connection field any more, and none of those that the client's named
// there: what a callback sets must not be for the client to strip (RFC 9110 section 7.6.1). Belongs
// to one transaction.
#ifndef SERVER_GATEWAY_EDITED_REQUEST_H_
#define SERVER_GATEWAY_EDITED_REQUEST_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/callbacks/hooks.h"
#include "server/http/head.h"

namespace vllm_router::gateway {

class EditedRequest {
 public:
  EditedRequest(const http::RequestHead& head, const char* base);

  // In their order.
  void Change(const std::vector<callbacks::HeaderChange>& changes);
  void set_body(std::string body) { body_ = std::move(body); }

  // Valid until the next Change.
  const http::RequestHead& head() const { return head_; }
  const char* base() const { return memory_.data(); }
  // nullopt: it is that of the session.
  const std::optional<std::string>& body() const { return body_; }

 private:
  struct Line {
    http::FieldId id;
    std::string name;
    std::string value;
  };
  void Change(const callbacks::HeaderChange& change);
  void Render();

  std::vector<Line> lines_;
  std::string method_;
  std::string path_;
  std::string query_;
  std::string authority_;
  std::string memory_;
  http::RequestHead head_;
  std::optional<std::string> body_;
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_EDITED_REQUEST_H_
