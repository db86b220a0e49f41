// Remembers the last JSON body that came twice in a row, and what was read from it: a load
// generator sends one body over and over, and comparing it costs a tenth of scanning and hashing
// it. Bodies that differ cost one comparison of two numbers. Belongs to the engine's thread.
#ifndef TOOLS_FAKE_ENGINE_BODY_MEMO_H_
#define TOOLS_FAKE_ENGINE_BODY_MEMO_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tools/fake_engine/body_facts.h"

namespace vllm_router::fake_engine {

class BodyMemo {
 public:
  // What an equal body held; nullptr if it is not remembered. Never changes while somebody holds
  // it.
  std::shared_ptr<const BodyFacts> Find(std::string_view body) const {
    return body == body_ ? facts_ : nullptr;
  }

  // `body` has been scanned.
  void Note(std::string_view body, const BodyFacts& facts) {
    const uint64_t hash = facts.prompt.Hash();
    if (body.size() == last_size_ && hash == last_hash_) {
      body_.assign(body);
      facts_ = std::make_shared<const BodyFacts>(facts);
    }
    last_size_ = body.size();
    last_hash_ = hash;
  }

 private:
  std::string body_;
  std::shared_ptr<const BodyFacts> facts_;
  size_t last_size_ = 0;
  uint64_t last_hash_ = 0;
};

}  // namespace vllm_router::fake_engine

#endif  // TOOLS_FAKE_ENGINE_BODY_MEMO_H_
