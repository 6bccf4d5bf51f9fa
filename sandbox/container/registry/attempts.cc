#include "sandbox/container/registry/attempts.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/container/engine/unix_socket.h"

namespace casemate::registry {
namespace {

constexpr std::int64_t kEnoughProgress = std::int64_t{1} << 20;
constexpr std::int64_t kLongestWait = 60;  // seconds that a registry may ask for
constexpr std::int64_t kMillisecond = 1'000'000;

// From 0 to 255.
std::int64_t Chance() {
  return std::stol(RandomHex(1), nullptr, 16);
}

}  // namespace

Result<void> Attempts::Again(Error why, std::int64_t reached, std::int64_t retry_after_s) {
  if (reached >= reached_ + kEnoughProgress) {
    in_a_row_ = 0;
  }
  reached_ = std::max(reached_, reached);
  ++in_a_row_;
  ++total_;
  if (in_a_row_ >= options_.attempts) {
    return why;
  }
  if (retry_after_s > kLongestWait) {
    why.message +=
        "; the registry wants to be asked again in " + std::to_string(retry_after_s) + " s";
    return why;
  }
  std::int64_t wait_ms = options_.first_ms;
  for (int i = 1; i < in_a_row_ && wait_ms < options_.most_ms; ++i) {
    wait_ms *= 2;
  }
  wait_ms = std::min(wait_ms, options_.most_ms);
  // So that many who failed together do not come back together.
  wait_ms = wait_ms / 2 + wait_ms * Chance() / 510;
  wait_ms = std::max(wait_ms, retry_after_s * 1000);
  const auto waited = container::WaitFor(-1, 0, MonotonicNs() + wait_ms * kMillisecond, stop_);
  if (!waited && waited.error().code == ErrorCode::kCancelled) {
    return waited.error();
  }
  return {};
}

std::int64_t RetryAfter(std::string_view header) {
  std::int64_t seconds = -1;
  const auto read = std::from_chars(header.data(), header.data() + header.size(), seconds);
  const bool is_number = read.ec == std::errc() && read.ptr == header.data() + header.size();
  return is_number && seconds >= 0 ? seconds : -1;
}

}  // namespace casemate::registry
