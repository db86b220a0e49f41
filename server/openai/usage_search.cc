#include "server/openai/usage_search.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace vllm_router::openai {
namespace {

// Sixteen bytes, compared at once wherever the processor can.
using Block = unsigned char __attribute__((vector_size(16)));

Block Load(const char* bytes) {
  Block block;
  std::memcpy(&block, bytes, sizeof(block));
  return block;
}

bool AnyOf(Block mask) {
  uint64_t halves[2];
  std::memcpy(halves, &mask, sizeof(mask));
  return (halves[0] | halves[1]) != 0;
}

// Where a 'u' and, three bytes on, a 'g' are: in no other name that an answer has, and in hardly a
// word of its text.
Block MayBeMember(const char* bytes) {
  static_assert(kUsageMember[1] == 'u' && kUsageMember[4] == 'g');
  return reinterpret_cast<Block>((Load(bytes + 1) == 'u') & (Load(bytes + 4) == 'g'));
}

bool HoldsObject(const char* at, const char* end) {
  at = std::find_if_not(at, end, IsSpace);
  if (at == end || *at != ':') return false;
  at = std::find_if_not(at + 1, end, IsSpace);
  return at != end && *at == '{';
}

// Where the member's name ends if nothing but a colon follows it.
const char* EndOfNameAtEnd(std::string_view bytes) {
  const auto trim = [&bytes] {
    while (!bytes.empty() && IsSpace(bytes.back())) bytes.remove_suffix(1);
  };
  trim();
  if (!bytes.empty() && bytes.back() == ':') bytes.remove_suffix(1);
  trim();
  return bytes.ends_with(kUsageMember) ? bytes.data() + bytes.size() : nullptr;
}

constexpr size_t kStep = 2 * sizeof(Block);
// What a step looks at last belongs to a member that begins in it.
static_assert(kUsageMember.size() > 4 + 1);

bool StepMayHaveMember(const char* at) {
  return AnyOf(MayBeMember(at) | MayBeMember(at + sizeof(Block)));
}

bool IsMember(const char* at) {
  return at[1] == 'u' && std::memcmp(at, kUsageMember.data(), kUsageMember.size()) == 0;
}

// Where the first name of the member ends that begins in [at, last); nullptr: none does there.
const char* EndOfFirst(const char* at, const char* last) {
  for (; at < last; ++at) {
    if (IsMember(at)) return at + kUsageMember.size();
  }
  return nullptr;
}

// The same for the last one that has an object.
const char* EndOfLast(const char* at, const char* last, const char* end) {
  while (last > at) {
    --last;
    if (IsMember(last) && HoldsObject(last + kUsageMember.size(), end))
      return last + kUsageMember.size();
  }
  return nullptr;
}

// Behind the last place where a name can begin that is whole.
const char* LastPlace(const char* at, const char* end) {
  return end - at < static_cast<ptrdiff_t>(kUsageMember.size()) ? at
                                                                : end - kUsageMember.size() + 1;
}

}  // namespace

// Both look in whole steps, of which the last one begins within the one before it. [at, last) are
// the places where a name can begin that is whole.

const char* FindFirstUsage(const char* at, const char* end) {
  const char* const last = LastPlace(at, end);
  if (last - at < static_cast<ptrdiff_t>(kStep)) return EndOfFirst(at, last);
  for (; at < last; at += kStep) {
    at = std::min(at, last - kStep);
    if (!StepMayHaveMember(at)) continue;
    if (const char* const found = EndOfFirst(at, at + kStep); found != nullptr) return found;
  }
  return nullptr;
}

const char* FindLastUsage(const char* at, const char* end) {
  const char* last = LastPlace(at, end);
  if (last - at < static_cast<ptrdiff_t>(kStep)) {
    const char* const found = EndOfLast(at, last, end);
    return found == nullptr ? EndOfNameAtEnd({at, end}) : found;
  }
  for (; last > at; last -= kStep) {
    last = std::max(last, at + kStep);
    if (!StepMayHaveMember(last - kStep)) continue;
    const char* const found = EndOfLast(last - kStep, last, end);
    if (found != nullptr) return found;
  }
  return EndOfNameAtEnd({at, end});
}

}  // namespace vllm_router::openai
