// YAML by yaml-cpp's events: the tree is built here, so that aliases never expand.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "absl/strings/str_format.h"
#include "server/app/document.h"
#include "server/base/strings.h"

namespace vllm_router::app {
namespace {

using Kind = DocumentNode::Kind;

// Keeps the first error and takes no notice of what follows it.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(std::string_view origin) : origin_(origin) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) Fail(mark, "a second document is not allowed");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(mark, Kind::kNull, "?", anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Fail(mark, "anchors and aliases are not allowed");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    DocumentNode* node = Add(mark, Kind::kScalar, tag, anchor);
    if (node == nullptr) return;
    node->quoted = tag == "!";
    node->text = value;
    // Block scalars end with a line end that nobody means.
    while (!node->text.empty() && node->text.back() == '\n') node->text.pop_back();
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Add(mark, Kind::kList, tag, anchor), mark);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Add(mark, Kind::kMap, tag, anchor), mark);
  }
  void OnMapEnd() override { Close(); }

  const absl::Status& status() const { return status_; }
  absl::StatusOr<DocumentNode> Result() && {
    if (!status_.ok()) return status_;
    return std::move(root_);
  }

 private:
  void Fail(const YAML::Mark& mark, std::string_view what) {
    if (!status_.ok()) return;
    status_ = DocumentError(origin_, static_cast<size_t>(mark.line) + 1,
                            static_cast<size_t>(mark.column) + 1, what);
  }

  // The new node; nullptr once something has failed.
  DocumentNode* Add(const YAML::Mark& mark, Kind kind, const std::string& tag,
                    YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) Fail(mark, "anchors and aliases are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!") Fail(mark, "tags are not allowed");
    const bool is_key = !open_.empty() && open_.back()->kind == Kind::kMap &&
                        open_.back()->keys.size() == open_.back()->items.size();
    if (is_key && kind != Kind::kScalar) Fail(mark, "a key has to be plain text");
    if (!status_.ok()) return nullptr;
    DocumentNode* node = &root_;
    if (!open_.empty()) {
      node = &(is_key ? open_.back()->keys : open_.back()->items).emplace_back();
    }
    node->kind = kind;
    node->line = static_cast<size_t>(mark.line) + 1;
    node->column = static_cast<size_t>(mark.column) + 1;
    return node;
  }

  void Open(DocumentNode* node, const YAML::Mark& mark) {
    if (open_.size() == kMaxDocumentDepth) {
      Fail(mark, absl::StrFormat("it is nested more than %d deep", kMaxDocumentDepth));
    }
    if (status_.ok()) open_.push_back(node);
  }
  void Close() {
    if (status_.ok()) open_.pop_back();
  }

  const std::string_view origin_;
  absl::Status status_;
  int documents_ = 0;
  DocumentNode root_;
  // From the root to where we are. A node's vectors do not grow while one of its items is open.
  std::vector<DocumentNode*> open_;
};

}  // namespace

absl::StatusOr<DocumentNode> ParseYaml(std::string_view text, std::string_view origin) {
  std::istringstream in{std::string(text)};
  Builder builder(origin);
  // yaml-cpp throws; nothing of ours does.
  try {
    YAML::Parser parser(in);
    // yaml-cpp finds documents without end in a text that begins with a comma.
    while (builder.status().ok() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& e) {
    if (!builder.status().ok()) return builder.status();  // came first, and says more
    // The message may hold characters of the text.
    return DocumentError(origin, static_cast<size_t>(e.mark.line) + 1,
                         static_cast<size_t>(e.mark.column) + 1, base::Printable(e.msg));
  }
  return std::move(builder).Result();
}

}  // namespace vllm_router::app
