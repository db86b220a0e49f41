// A key as a page understands it: a character, or one of the keys that have none.
#ifndef TOOLS_ROUTERCTL_TOP_KEY_H_
#define TOOLS_ROUTERCTL_TOP_KEY_H_

namespace vllm_router::routerctl::top {

using Key = int;

// Not the code of any byte.
enum SpecialKey : Key {
  kKeyUp = 0x100,
  kKeyDown,
  kKeyPageUp,
  kKeyPageDown,
  kKeyHome,
  kKeyEnd,
  kKeyEnter,
  kKeyEscape,
  kKeyBackspace,
  kKeyRedraw,
};

}  // namespace vllm_router::routerctl::top

#endif  // TOOLS_ROUTERCTL_TOP_KEY_H_
