#include "sandbox/native/capture.h"

#include <algorithm>

namespace casemate::sandbox {

void StreamCapture::Append(std::string_view bytes) {
  total_ += bytes.size();
  const std::size_t first = std::min(bytes.size(), head_limit_ - head_.size());
  head_.append(bytes.substr(0, first));
  bytes.remove_prefix(first);
  if (bytes.size() > ring_limit_) {
    bytes.remove_prefix(bytes.size() - ring_limit_);
  }
  const std::size_t growth = std::min(bytes.size(), ring_limit_ - ring_.size());
  ring_.append(bytes.substr(0, growth));
  bytes.remove_prefix(growth);
  while (!bytes.empty()) {
    const std::size_t part = std::min(bytes.size(), ring_limit_ - ring_next_);
    std::copy_n(bytes.begin(), part, ring_.begin() + static_cast<std::ptrdiff_t>(ring_next_));
    ring_next_ = (ring_next_ + part) % ring_limit_;
    bytes.remove_prefix(part);
  }
}

CapturedStream StreamCapture::Finish() && {
  std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(ring_next_), ring_.end());
  CapturedStream captured;
  captured.total_bytes = total_;
  captured.head = std::move(head_);
  if (captured.head.size() + ring_.size() == total_) {
    captured.head += ring_;
  } else {
    captured.tail = std::move(ring_);
  }
  return captured;
}

}  // namespace casemate::sandbox
