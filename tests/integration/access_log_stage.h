// AdminTest with an access log in a file, as JSON unless a test says otherwise.
//
//   TEST_F(AccessLogTest, Example) {
//     AddEngine();
//     StartLogging();
//     Ask(Chat(WithId("one")));
//     EXPECT_EQ(End(Settled(), "one"), "200 \"completed\"");
//   }
#ifndef TESTS_INTEGRATION_ACCESS_LOG_STAGE_H_
#define TESTS_INTEGRATION_ACCESS_LOG_STAGE_H_

#include <simdjson.h>

#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"
#include "tests/support/temp_directory.h"

namespace vllm_router::test {

// A line's members as JSON.
using Line = std::map<std::string, std::string>;

inline std::string Quoted(const std::string& text) { return "\"" + text + "\""; }
inline std::string WithId(const std::string& id) { return "X-Request-Id: " + id + "\r\n"; }

class AccessLogTest : public AdminTest {
 protected:
  void StartLogging(std::vector<std::string> flags = {}) {
    flags.insert(flags.end(),
                 {"--access-log", "json", "--access-log-file", path_, "--shards", "1"});
    StartAdmin(std::move(flags));
  }

  static std::vector<std::string> TextOf(const std::string& path) {
    std::vector<std::string> lines;
    std::ifstream file(path, std::ios::binary);
    // What has no end yet is being written.
    for (std::string line; std::getline(file, line) && !file.eof();) lines.push_back(line);
    return lines;
  }
  std::vector<Line> Lines() {
    std::vector<Line> lines;
    simdjson::dom::parser parser;
    for (const std::string& text : TextOf(path_)) {
      simdjson::dom::object object;
      const bool parsed = parser.parse(text).get(object) == simdjson::SUCCESS;
      EXPECT_TRUE(parsed) << text;
      if (!parsed) continue;
      Line& line = lines.emplace_back();
      for (const auto member : object) {
        line[std::string(member.key)] = simdjson::minify(member.value);
      }
    }
    return lines;
  }
  // All lines, once every request so far has its one: the shard writes them in order.
  std::vector<Line> Settled() {
    EXPECT_TRUE(EndsIdle());
    const std::string id = absl::StrFormat("settled-%d", ++settled_);
    Ask(Get("/version", WithId(id)));
    std::vector<Line> lines;
    EXPECT_TRUE(Eventually([&] {
      lines = Lines();
      return !lines.empty() && lines.back()["request_id"] == Quoted(id);
    }));
    return lines;
  }
  // The only line of that request.
  static Line Only(const std::vector<Line>& lines, const std::string& id) {
    std::vector<Line> found;
    for (const Line& line : lines) {
      if (line.at("request_id") == Quoted(id)) found.push_back(line);
    }
    EXPECT_EQ(found.size(), 1u) << id;
    return found.empty() ? Line() : found.front();
  }
  // "status cause"
  static std::string End(const std::vector<Line>& lines, const std::string& id) {
    Line line = Only(lines, id);
    return line["status"] + " " + line["cause"];
  }

  TempDirectory directory_;
  const std::string path_ = directory_.path() + "/access.log";
  int settled_ = 0;
};

}  // namespace vllm_router::test

#endif  // TESTS_INTEGRATION_ACCESS_LOG_STAGE_H_
