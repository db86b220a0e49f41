// Requests that differ in the model which they name: "NAME-00000", "NAME-00001" and so on, all of
// one length, so that a number is written over another. Immutable; the requests are the caller's.
#ifndef TOOLS_LOADGEN_MODEL_NAMES_H_
#define TOOLS_LOADGEN_MODEL_NAMES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vllm_router::loadgen {

class ModelNames {
 public:
  // `count` names, at least one.
  ModelNames(std::string_view model, uint64_t count);

  // The name that a request has to have been made with.
  std::string First() const { return Name(0); }
  std::string Name(uint64_t index) const;

  // Names model `index`, modulo their number, in a request that names another one of them.
  void Put(uint64_t index, std::string* request) const;

 private:
  const std::string model_;
  const uint64_t count_;
  const size_t digits_;
  const std::string member_;  // of the body, up to the number
};

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_MODEL_NAMES_H_
