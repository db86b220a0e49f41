// Answers that the router makes itself, and the fields that every answer carries.
#ifndef SERVER_GATEWAY_ANSWER_H_
#define SERVER_GATEWAY_ANSWER_H_

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "server/base/clock.h"
#include "server/http/session.h"
#include "server/openai/error.h"

namespace vllm_router::gateway {

// The standard reason phrase; "Unknown" for a status that has none.
std::string_view ReasonPhrase(int status);

// The Date field's value, rendered once a second. Belongs to one thread.
class DateCache {
 public:
  std::string_view At(base::WallTime now);

 private:
  std::time_t second_ = -1;
  char text_[32] = "";
};

// "127.0.0.1:51234", "[::1]:51234"
std::string PeerText(const http::Session& session);

// "Name: value\r\n"
void AppendField(std::string& head, std::string_view name, std::string_view value);
void AppendNumber(std::string& out, uint64_t value);

struct LocalAnswer {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string_view body = {};
  std::shared_ptr<const std::string> shared_body = {};  // the same, if it can be kept
  std::string_view extra_fields = {};                   // whole lines with their CRLF
  std::string_view request_id = {};
};

// A status whose answer has no content (RFC 9110 sections 15.3.5 and 15.4.5).
inline bool IsBodiless(int status) { return status == 204 || status == 304; }

// Writes the answer and finishes it. A request that was not read to its end makes it the
// connection's last. HEAD gets no body. `head` is working memory that is kept between calls.
void SendLocalAnswer(http::Session& session, const LocalAnswer& answer, std::string_view date,
                     std::string& head);

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_ANSWER_H_
