#include "server/gateway/access_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace vllm_router::gateway {
namespace {

using fleet::AccessLogFormat;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string Line(const AccessEntry& entry, AccessLogFormat format) {
  std::string line;
  AppendAccessLine(entry, format, {.second = "2026-11-28 03:46:00", .milliseconds = 7},
                   /*plain=*/false, &line);
  return line;
}

AccessEntry Stream() {
  return {.client = "10.0.0.7",
          .method = "POST",
          .path = "/v1/chat/completions",
          .request_id = "3b1c",
          .model = "llama",
          .backend = "http://gpu-1:8000",
          .key = "team-a",
          .trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
          .figures = {.read = microseconds(31),
                      .queue = milliseconds(0),
                      .connect = microseconds(1250),
                      .first = milliseconds(35),
                      .total = milliseconds(1812),
                      .input_tokens = 12,
                      .output_tokens = 100,
                      .request_bytes = 994,
                      .answer_bytes = 25000,
                      .generation = 3,
                      .attempts = 2,
                      .status = 200,
                      .cause = stats::Cause::kBackendDied,
                      .session = SessionSource::kHeader,
                      .stream = true,
                      .tokens_reported = true}};
}

TEST(AccessLine, IsOneLineForPeople) {
  EXPECT_EQ(
      Line(Stream(), AccessLogFormat::kText),
      "[2026-11-28 03:46:00,007] ACCESS: 10.0.0.7 - \"POST /v1/chat/completions HTTP/1.1\" 200 "
      "cause=backend_died request_id=3b1c model=\"llama\" backend=http://gpu-1:8000 attempts=2 "
      "read_ms=0.031 queue_ms=0.000 connect_ms=1.250 first_ms=35.000 total_ms=1812.000 stream=true "
      "input_tokens=12 output_tokens=100 tokens=reported request_bytes=994 answer_bytes=25000 "
      "generation=3 key=\"team-a\" session=header trace_id=4bf92f3577b34da6a3ce929d0e0e4736\n");
}

TEST(AccessLine, IsOneObjectForMachines) {
  EXPECT_EQ(
      Line(Stream(), AccessLogFormat::kJson),
      R"({"timestamp":"2026-11-28 03:46:00.007Z","level":"INFO","logger":"vllm_router.access",)"
      R"("client":"10.0.0.7","method":"POST","path":"/v1/chat/completions","status":200,)"
      R"("cause":"backend_died","request_id":"3b1c","model":"llama",)"
      R"("backend":"http://gpu-1:8000","attempts":2,"read_ms":0.031,"queue_ms":0.000,)"
      R"("connect_ms":1.250,"first_ms":35.000,"total_ms":1812.000,"stream":true,)"
      R"("input_tokens":12,"output_tokens":100,"tokens":"reported","request_bytes":994,)"
      R"("answer_bytes":25000,"generation":3,"key":"team-a","session":"header",)"
      R"("trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"})"
      "\n");
}

TEST(AccessLine, SaysWhatIsNotKnown) {
  EXPECT_EQ(Line({.client = "::1"}, AccessLogFormat::kText),
            "[2026-11-28 03:46:00,007] ACCESS: ::1 - \"-\" - cause=none request_id=- model=- "
            "backend=- attempts=0 read_ms=- queue_ms=- connect_ms=- first_ms=- total_ms=0.000 "
            "stream=false input_tokens=- output_tokens=- tokens=- request_bytes=0 answer_bytes=0 "
            "generation=0 key=- session=- trace_id=-\n");
  const std::string json = Line({.client = "::1"}, AccessLogFormat::kJson);
  EXPECT_THAT(json, HasSubstr(R"("method":null,"path":null,"status":null,"cause":"none")"));
  EXPECT_THAT(json, HasSubstr(R"("first_ms":null,"total_ms":0.000)"));
  EXPECT_THAT(json, HasSubstr(R"("output_tokens":null,"tokens":null)"));
}

TEST(AccessLine, TellsCountedTokensFromReportedOnes) {
  AccessEntry entry = Stream();
  entry.figures.tokens_reported = false;
  entry.figures.input_tokens = kNoNumber;
  EXPECT_THAT(Line(entry, AccessLogFormat::kText),
              HasSubstr("input_tokens=- output_tokens=100 tokens=counted"));
}

TEST(AccessLine, OfPlainTextsIsTheSameWithoutALookAtThem) {
  AccessEntry entry = Stream();
  const std::string long_model(2 * kMaxModelShown, 'm');
  entry.model = long_model;
  for (const AccessLogFormat format : {AccessLogFormat::kText, AccessLogFormat::kJson}) {
    std::string line;
    AppendAccessLine(entry, format, {.second = "2026-11-28 03:46:00", .milliseconds = 7},
                     /*plain=*/true, &line);
    EXPECT_EQ(line, Line(entry, format));
  }
}

TEST(AccessLine, IsNoneWhenTheLogIsOff) { EXPECT_EQ(Line(Stream(), AccessLogFormat::kOff), ""); }

// Everything that a client can choose, as an attacker would.
AccessEntry Attack(std::string_view text) {
  AccessEntry entry = Stream();
  entry.method = entry.path = entry.request_id = entry.model = entry.key = text;
  return entry;
}

constexpr std::string_view kAttacks[] = {
    "x\n[2026-11-28 03:46:00,007] ACCESS: 10.0.0.7 - \"GET / HTTP/1.1\" 200",
    "x\r\nforged",
    "x\" 200 cause=completed model=\"other",
    "x\",\"status\":200,\"y\":\"",
    "x\\\",\"status\":200,\"y\":\"",
    "\x1b[2J\x1b]0;owned\x07",
    "\xC2\x9B"
    "31m",                                   // a control sequence in one character
    "x\xE2\x80\xA8y\xE2\x80\xA9z\xC2\x85w",  // what ends a line for JavaScript and Python
    "\xFF\xFE\xC0\xAF\xED\xA0\x80",          // no UTF-8
    "\xE2\x82",                              // cut short
    std::string_view("a\0b", 3),
};

TEST(AccessLine, CannotBeForgedInText) {
  for (const std::string_view attack : kAttacks) {
    const std::string line = Line(Attack(attack), AccessLogFormat::kText);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    EXPECT_THAT(line, EndsWith("trace_id=4bf92f3577b34da6a3ce929d0e0e4736\n"));
    EXPECT_TRUE(std::all_of(line.begin(), line.end() - 1, [](char c) {
      return static_cast<unsigned char>(c) >= 0x20;
    })) << line;
    EXPECT_THAT(line, Not(HasSubstr("\xE2\x80\xA8")));
    EXPECT_THAT(line, Not(HasSubstr("\xC2\x85")));
    // Quotes of the line's own come in pairs: request line, model, key.
    size_t quotes = 0;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\') {
        ++i;
      } else if (line[i] == '"') {
        ++quotes;
      }
    }
    EXPECT_EQ(quotes, 6u) << line;
  }
}

TEST(AccessLine, CannotBeForgedInJson) {
  simdjson::dom::parser parser;
  for (const std::string_view attack : kAttacks) {
    const std::string line = Line(Attack(attack), AccessLogFormat::kJson);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    const simdjson::dom::object object = parser.parse(line).get_object();
    EXPECT_EQ(object.size(), 27u) << line;
    EXPECT_EQ(int64_t(object["status"]), 200) << line;
    if (std::all_of(attack.begin(), attack.end(), [](char c) { return c >= 0; })) {
      EXPECT_EQ(std::string_view(object["model"]), attack) << "nothing is lost";
    }
  }
}

TEST(AccessLine, IsBoundedWhateverAClientSends) {
  const std::string huge(1 << 20, 'm');
  for (const AccessLogFormat format : {AccessLogFormat::kText, AccessLogFormat::kJson}) {
    const std::string line = Line(Attack(huge), format);
    EXPECT_LT(line.size(), 4096u);
    EXPECT_THAT(line, HasSubstr(huge.substr(0, kMaxModelShown) + "...\""));
  }
  // Also when each byte needs six.
  EXPECT_LT(Line(Attack(std::string(1 << 20, '\x01')), AccessLogFormat::kJson).size(), 16384u);
}

TEST(AccessLine, NeedsNoMemoryOnceTheBufferHasItsSize) {
  std::string out;
  out.reserve(1 << 16);
  const char* const home = out.data();
  for (int i = 0; i < 50; ++i) {
    AppendAccessLine(Stream(), AccessLogFormat::kJson, {.second = "2026-11-28T03:46:00"},
                     /*plain=*/true, &out);
  }
  EXPECT_EQ(out.data(), home);
  EXPECT_THAT(out, StartsWith("{\"timestamp\""));
}

}  // namespace
}  // namespace vllm_router::gateway
