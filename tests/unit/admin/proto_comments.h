// What proto/router.proto says in comments, which descriptors do not carry.
#ifndef TESTS_UNIT_ADMIN_PROTO_COMMENTS_H_
#define TESTS_UNIT_ADMIN_PROTO_COMMENTS_H_

#include <fstream>
#include <map>
#include <regex>
#include <string>

namespace vllm_router::admin {

// Follows the file: a line that matches `comment` is remembered for the next one that matches
// `item`. First group of the item -> first group of the comment (empty: there was none).
inline std::map<std::string, std::string> CommentedItems(const std::string& comment,
                                                         const std::string& item) {
  std::map<std::string, std::string> found;
  std::ifstream proto(ROUTER_SOURCE_DIR "/proto/router.proto");
  const std::regex comment_line(comment);
  const std::regex item_line(item);
  std::string said;
  for (std::string line; std::getline(proto, line);) {
    std::smatch match;
    if (std::regex_search(line, match, comment_line)) said = match[1];
    if (std::regex_search(line, match, item_line)) {
      found[match[1]] = said;
      said.clear();
    }
  }
  return found;
}

}  // namespace vllm_router::admin

#endif  // TESTS_UNIT_ADMIN_PROTO_COMMENTS_H_
