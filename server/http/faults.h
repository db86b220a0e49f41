// Every reason for which a message head is refused, in one list. The texts go to clients: constant,
// without any byte of the message, and without the name or address of a backend.
#ifndef SERVER_HTTP_FAULTS_H_
#define SERVER_HTTP_FAULTS_H_

#include "server/http/head.h"

namespace vllm_router::http::faults {

// Requests.
inline constexpr Fault kHeadTooLarge{431, "The request head is too large"};
inline constexpr Fault kBadLine{
    400,
    "The request head is malformed: every line must end in CRLF, and an empty line ends the head"};
inline constexpr Fault kBadMethod{
    400, "The request method must be a token, followed by exactly one space"};
inline constexpr Fault kBadTarget{
    400, "The request target must be a path or an absolute http URL in visible ASCII, without '#'"};
inline constexpr Fault kBadVersion{
    400, "The request line must end in one space and HTTP/1.1 or HTTP/1.0"};
inline constexpr Fault kUnsupportedVersion{505, "Only HTTP/1.1 and HTTP/1.0 are supported"};
inline constexpr Fault kBadFieldName{
    400, "A header name must be a token that is followed directly by a colon"};
inline constexpr Fault kBadFieldValue{
    400, "A header value is malformed or holds a forbidden control character"};
inline constexpr Fault kFolded{400, "A header must not be folded over several lines"};
inline constexpr Fault kBadContentLength{
    400, "Content-Length must appear once and hold only digits, and be less than 2^63"};
inline constexpr Fault kBothLengths{
    400, "Content-Length and Transfer-Encoding must not appear together"};
inline constexpr Fault kBadTransferEncoding{
    400, "Transfer-Encoding must appear once and hold only the coding chunked"};
inline constexpr Fault kUnknownCoding{501, "The only supported transfer coding is chunked"};
inline constexpr Fault kTransferEncodingInHttp10{400, "Transfer-Encoding is not part of HTTP/1.0"};
inline constexpr Fault kMissingHost{400, "An HTTP/1.1 request must have a Host header"};
inline constexpr Fault kRepeatedHost{400, "Host must appear only once"};
inline constexpr Fault kBadHost{400, "Host must hold a host name or address and an optional port"};
inline constexpr Fault kUnknownExpectation{417, "The only supported expectation is 100-continue"};

// Responses, which only a backend sends.
inline constexpr Fault kBadResponseHead{502, "The backend's response head is malformed"};
inline constexpr Fault kBadResponseVersion{502,
                                           "The backend's response is not in HTTP/1.1 or HTTP/1.0"};
inline constexpr Fault kBadResponseStatus{502, "The backend's response has an invalid status code"};
inline constexpr Fault kBadResponseField{502, "The backend's response has a malformed header"};
inline constexpr Fault kFoldedResponse{502, "The backend's response has a folded header"};
inline constexpr Fault kUnwantedUpgrade{502, "The backend switched protocols without being asked"};
inline constexpr Fault kBadResponseLength{
    502, "The backend's response has an invalid or contradictory Content-Length"};
inline constexpr Fault kBothResponseLengths{
    502, "The backend's response has both Content-Length and Transfer-Encoding"};
inline constexpr Fault kBadResponseCoding{
    502, "The backend's response has an unsupported Transfer-Encoding"};

}  // namespace vllm_router::http::faults

#endif  // SERVER_HTTP_FAULTS_H_
