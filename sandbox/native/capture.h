// StreamCapture: keeps the first and the last bytes of a stream in bounded memory, whatever its
// length. Owned by one run; not thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sandbox/native/outcome.h"

namespace casemate::sandbox {

class StreamCapture {
 public:
  // Keeps at most `limit` bytes: the first half, and a ring of the newest in the second.
  explicit StreamCapture(std::size_t limit)
      : head_limit_(limit - limit / 2), ring_limit_(limit / 2) {}

  void Append(std::string_view bytes);
  // When nothing was cut, all of it is in `head`.
  CapturedStream Finish() &&;

 private:
  std::size_t head_limit_;
  std::size_t ring_limit_;
  std::string head_;
  std::string ring_;           // grows up to ring_limit_, then is overwritten
  std::size_t ring_next_ = 0;  // where the oldest byte of a full ring is
  std::uint64_t total_ = 0;
};

}  // namespace casemate::sandbox
