// Random choices that a seed repeats on every machine and with every standard library: what the
// distributions of <random> make of the same numbers is not specified. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace casemate::fuzz {

class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  // Of 0 … bound - 1; bound is at least 1.
  std::size_t Below(std::size_t bound) { return engine_() % bound; }
  bool OneIn(std::size_t bound) { return Below(bound) == 0; }
  template <typename List>
  auto& Of(List& list) {
    return list[Below(std::size(list))];
  }

 private:
  std::mt19937 engine_;
};

}  // namespace casemate::fuzz
