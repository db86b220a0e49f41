// Request smuggling: two messages' framing fields that contradict each other, spelled in every way
// that some server is known to read differently (the mutations of the tool `smuggler` among them).
// Behind each stands a second request that only a reader with the other framing would see. The
// router may refuse or answer, but no engine may ever see the hidden one, nor a field that it could
// take for a framing of its own.
#include <algorithm>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "tests/integration/router_test.h"

namespace vllm_router::test {
namespace {

constexpr std::string_view kHidden = "GET /hidden HTTP/1.1\r\nHost: a\r\nX: ";

// Lines that stand for `Transfer-Encoding: chunked`, CRLF at the end included.
std::vector<std::string> CodingLines() {
  std::vector<std::string> lines = {
      "Transfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
      "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked, identity\r\n",
      "Transfer-Encoding: identity, chunked\r\n",
      "Transfer-Encoding: chunked;q=1\r\n",
      "Transfer-Encoding: \"chunked\"\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: CHUNKED\r\n",
      "transfer-encoding:chunked\r\n",
      "Transfer_Encoding: chunked\r\n",
      "Transfer Encoding: chunked\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding\r\n : chunked\r\n",
      "Transfer-Encoding:\r\n chunked\r\n",
      "X: x\n Transfer-Encoding: chunked\r\n",
      "X: x\nTransfer-Encoding: chunked\r\n",
      "X: x\rTransfer-Encoding: chunked\r\n",
      "X: x\r\n\rTransfer-Encoding: chunked\r\n",
      " Transfer-Encoding: chunked\r\n",
      "\tTransfer-Encoding: chunked\r\n",
      "Content-Encoding: x\r\n Transfer-Encoding: chunked\r\n",
  };
  // One byte of every value in each place where readers are known to skip some.
  for (int byte = 0; byte < 256; ++byte) {
    const std::string c(1, static_cast<char>(byte));
    lines.push_back(c + "Transfer-Encoding: chunked\r\n");
    lines.push_back("Transfer-Encoding" + c + ": chunked\r\n");
    lines.push_back("Transfer" + c + "Encoding: chunked\r\n");
    lines.push_back("Transfer-Encoding:" + c + "chunked\r\n");
    lines.push_back("Transfer-Encoding: chunked" + c + "\r\n");
    lines.push_back("Transfer-Encoding: " + c + "chunked\r\n");
    lines.push_back("X: x" + c + "Transfer-Encoding: chunked\r\n");
  }
  return lines;
}

std::string Post(const std::string& fields, std::string_view body) {
  return "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" +
         fields + "\r\n" + std::string(body);
}

// Whoever believes Content-Length takes the hidden request for a part of the body.
std::string LengthHides(const std::string& coding) {
  const std::string json = ChatBody();
  const std::string body = absl::StrFormat("%x\r\n%s\r\n0\r\n\r\n%s", json.size(), json, kHidden);
  return Post(absl::StrFormat("Content-Length: %d\r\n%s", body.size(), coding), body);
}

// Whoever believes Transfer-Encoding does.
std::string CodingHides(const std::string& coding) {
  const std::string json = ChatBody();
  const std::string chunk = json + std::string(kHidden) + "\r\n\r\n";
  const std::string body = absl::StrFormat("%x\r\n%s\r\n0\r\n\r\n", chunk.size(), chunk);
  const size_t length = absl::StrFormat("%x\r\n", chunk.size()).size() + json.size();
  return Post(absl::StrFormat("%sContent-Length: %d\r\n", coding, length), body);
}

// As LengthHides, and what stands before the first part of a form may be anything: whoever believes
// Content-Length has a good request.
std::string FormHides(const std::string& coding) {
  const std::string body = "0\r\n\r\n" + std::string(kHidden) +
                           "\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n"
                           "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\""
                           "\r\n\r\nx\r\n--b--\r\n";
  return absl::StrFormat(
      "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; "
      "boundary=b\r\nContent-Length: %d\r\n%s\r\n%s",
      body.size(), coding, body);
}

// What servers in the manner of CGI make of a field's name.
std::string AsCgi(std::string_view name) {
  std::string dashed = base::AsciiLower(name);
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  return dashed;
}

// What is wrong with a head that an engine got; empty when nothing is.
std::string Doubt(const RecordedRequest& seen) {
  if (seen.Target() != "/v1/chat/completions" && seen.Target() != "/v1/audio/transcriptions") {
    return "the hidden request arrived: " + seen.head;
  }
  int lengths = 0;
  std::string_view rest = seen.head;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find("\r\n"), rest.size());
    const std::string name = AsCgi(rest.substr(0, end).substr(0, rest.find(':')));
    if (name == "transfer-encoding") return "a coding went on: " + seen.head;
    lengths += name == "content-length" ? 1 : 0;
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return lengths == 1 ? "" : "not one length: " + seen.head;
}

class Desync : public RouterTest {};

TEST_F(Desync, NoHiddenRequestReachesAnEngine) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  uint64_t before = 0;
  uint64_t forwarded = 0;
  for (const std::string& coding : CodingLines()) {
    for (const std::string& request :
         {LengthHides(coding), CodingHides(coding), FormHides(coding)}) {
      TestClient client = Connect();
      client.Send(request + Get("/livez", "Connection: close\r\n"));
      // However it reads this, the router comes to an end of its own.
      ASSERT_TRUE(client.raw().ReadUntilEnd().ok()) << request;
      const uint64_t now = engine.counters().requests_begun;
      ASSERT_LE(now - before, 1u) << "two requests out of one: " << request;
      if (now > before) {
        ASSERT_EQ(Doubt(engine.LastRequests().back()), "") << request;
      }
      forwarded += now - before;
      before = now;
    }
  }
  // Lines that name another field altogether leave good requests.
  EXPECT_GT(forwarded, 100u);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(Desync, LengthsThatContradictEachOtherAreRefused) {
  FakeEngine& engine = AddEngine();
  StartRouter();
  const std::string json = ChatBody();
  const std::string body = json + std::string(kHidden);
  const std::string length = std::to_string(json.size());
  for (const std::string& fields : std::vector<std::string>{
           "Content-Length: " + length + "\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n",
           "Content-Length: " + length + "\r\nContent-Length: " + length + "\r\n",
           "Content-Length: " + length + ", " + length + "\r\n",
           "Content-Length: +" + length + "\r\n", "Content-Length: 0x" + length + "\r\n",
           "Content-Length: " + length + ".0\r\n", "Content-Length : " + length + "\r\n",
           "Content_Length: 0\r\nContent-Length:\r\n", "Content-Length: -1\r\n",
           "Content-Length: 99999999999999999999\r\n"}) {
    TestClient client = Connect();
    const RawResponse answer = client.Send(Post(fields, body)).Response();
    EXPECT_EQ(answer.head.status, 400) << fields;
    EXPECT_EQ(client.End(), PeerEnd::kClosed) << fields;
  }
  EXPECT_EQ(engine.counters().requests_begun, 0u);
}

}  // namespace
}  // namespace vllm_router::test
