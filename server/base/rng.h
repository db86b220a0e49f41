// A small, fast generator (xoshiro256++, Blackman and Vigna 2019) that each shard owns; satisfies
// UniformRandomBitGenerator. Not for secrets. Tests seed it, so that choices repeat.
#ifndef SERVER_BASE_RNG_H_
#define SERVER_BASE_RNG_H_

#include <array>
#include <bit>
#include <cstdint>
#include <random>

namespace vllm_router::base {

class Rng {
 public:
  using result_type = uint64_t;

  explicit Rng(uint64_t seed) {
    // splitmix64, as the authors advise, so that similar seeds give unrelated streams.
    for (uint64_t& word : state_) {
      seed += 0x9E3779B97F4A7C15;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
      word = z ^ (z >> 31);
    }
  }

  static Rng FromEntropy() {
    std::random_device device;
    return Rng((static_cast<uint64_t>(device()) << 32) | device());
  }

  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }

  uint64_t operator()() {
    const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound), bound > 0. The bias of the multiply-shift is below 2^-32 for our bounds.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>((*this)()) * bound) >> 64);
  }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace vllm_router::base

#endif  // SERVER_BASE_RNG_H_
