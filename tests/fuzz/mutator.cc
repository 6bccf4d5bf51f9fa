// The mutator of the targets that read JSON-RPC: mostly changes messages as messages, now and then
// bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/traffic.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  casemate::fuzz::Traffic traffic(seed);
  if (traffic.random.OneIn(4)) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  const std::string altered =
      traffic.AlterLines({reinterpret_cast<const char*>(data), size}).substr(0, max_size);
  std::ranges::copy(altered, data);
  return altered.size();
}
