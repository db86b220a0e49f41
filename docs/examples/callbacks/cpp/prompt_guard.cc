/* Refuses requests that hold a text of a list, and those that it cannot read.

       prompt_guard ADDRESS LIST

   LIST has a text in each line; it is found in whatever case and wherever it stands: in messages,
   tools, names.

       printf '%s\n' 'Project Bluebird' 'internal use only' > list
       prompt_guard unix:/run/vllm-router/prompt-guard.sock list

       routerctl callbacks register prompt-guard unix:/run/vllm-router/prompt-guard.sock \
           --hook pre-request --request-body full --max-body-bytes 4194304 --over-limit deny \
           --failure-mode fail-closed --pre-deadline 500ms

   What the guard has not read does not pass: a longer body, one that is compressed or no JSON, one
   that comes while the guard is down.
*/
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "callback_messages.h"
#include "serve.h"
#include "vllm_router/callback_server.h"

namespace {

namespace v1 = vllm_router::v1;

using google::protobuf::Value;

// All strings of a JSON value, one in a line, as they are and not as JSON escapes them.
void AppendStrings(const Value& value, std::string* texts) {
  for (const Value& element : value.list_value().values()) AppendStrings(element, texts);
  for (const auto& [name, member] : value.struct_value().fields()) {
    absl::StrAppend(texts, name, "\n");
    AppendStrings(member, texts);
  }
  absl::StrAppend(texts, value.string_value(), "\n");
}

class PromptGuard final : public vllm_router::CallbackService {
 public:
  // False when the file cannot be read or holds nothing.
  bool Load(const std::string& path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      if (!line.empty()) list_.push_back(absl::AsciiStrToLower(line));
    }
    return !list_.empty();
  }

  absl::StatusOr<v1::PreRequestResponse> PreRequest(const v1::PreRequestRequest& call) override {
    Value body;
    // A cut body is no JSON, either.
    if (!google::protobuf::util::JsonStringToMessage(call.request().body().data(), &body).ok()) {
      return OpenAiError(400, "content_policy_violation", "The guard cannot read this request.");
    }
    std::string texts;
    AppendStrings(body, &texts);
    absl::AsciiStrToLower(&texts);
    for (const std::string& text : list_) {
      if (texts.find(text) == std::string::npos) continue;
      std::cerr << "request " << call.request().http_request_id() << " is refused: it holds \""
                << text << '"' << std::endl;
      return OpenAiError(400, "content_policy_violation",
                         "The request holds text that must not leave this network.");
    }
    return v1::PreRequestResponse();
  }

 private:
  std::vector<std::string> list_;  // in lower case
};

}  // namespace

int main(int argc, char** argv) {
  PromptGuard guard;
  if (argc != 3 || !guard.Load(argv[2])) {
    std::cerr << "usage: prompt_guard ADDRESS LIST (lines of text, at least one)\n";
    return 2;
  }
  return Serve(argv[1], &guard);
}
